interface Client {
  send(...parameters: never[]): unknown;
}

/**
 * A client that is made when it is first used. Making one takes a part of the cold start that those
 * invocations can do without which have nothing to send.
 */
export function onDemand<C extends Client>(make: () => C): Pick<C, 'send'> {
  let client: C | undefined;
  const send = (...parameters: never[]): unknown => {
    client ??= make();
    return client.send(...parameters);
  };
  return { send: send as C['send'] };
}
