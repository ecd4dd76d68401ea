import { CLIENT } from './names';
import { type Handle, json } from './proxy';

/** Calls of EventBridge, Lambda, Firehose and Parameter Store, which no embedded server has. */
export class StandIns {
  /** Kinds of the events that were put on the bus. */
  readonly said: string[] = [];
  /** Payloads of the requested invocations. */
  readonly invoked: string[] = [];
  /** Records that a delivery stream accepted. */
  readonly archived: string[] = [];

  readonly handles: Readonly<Record<'events' | 'lambda' | 'firehose' | 'ssm', Handle>> = {
    events: (body) => {
      const { Entries } = JSON.parse(body.toString()) as { Entries: { DetailType: string }[] };
      this.said.push(...Entries.map(({ DetailType }) => DetailType));
      return json(200, {
        FailedEntryCount: 0,
        Entries: Entries.map((_, index) => ({ EventId: String(index) })),
      });
    },
    lambda: (body) => {
      this.invoked.push(body.toString());
      return { status: 202, headers: {}, body: Buffer.alloc(0) };
    },
    firehose: (body) => {
      const { Records } = JSON.parse(body.toString()) as { Records: { Data: string }[] };
      this.archived.push(...Records.map(({ Data }) => Buffer.from(Data, 'base64').toString()));
      return json(200, {
        FailedPutCount: 0,
        RequestResponses: Records.map((_, index) => ({ RecordId: String(index) })),
      });
    },
    ssm: (body) => {
      const { Name } = JSON.parse(body.toString()) as { Name: string };
      return json(200, { Parameter: { Name, Value: JSON.stringify(CLIENT) } });
    },
  };

  forget(): void {
    for (const list of [this.said, this.invoked, this.archived]) list.length = 0;
  }
}
