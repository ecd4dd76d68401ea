import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../fake-rakuten/http-server';

/** Firehose's API with one delivery stream to S3: no embedded server plays it. */
export async function startFirehose(
  name: string,
  bucket: string,
  prefix: string,
): Promise<{ endpoint: string; close(): Promise<void> }> {
  const destination = {
    DestinationId: 'destination-1',
    ExtendedS3DestinationDescription: {
      BucketARN: `arn:aws:s3:::${bucket}`,
      Prefix: `${prefix}day=!{timestamp:yyyy-MM-dd}/`,
      CompressionFormat: 'GZIP',
    },
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { DeliveryStreamName } = JSON.parse(Buffer.concat(chunks).toString());
    const isKnown =
      DeliveryStreamName === name &&
      request.headers['x-amz-target'] === 'Firehose_20150804.DescribeDeliveryStream';
    const answer = isKnown
      ? { DeliveryStreamDescription: { DeliveryStreamName: name, Destinations: [destination] } }
      : {
          __type: 'ResourceNotFoundException',
          message: `there is no delivery stream ${DeliveryStreamName}`,
        };
    response
      .writeHead(isKnown ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(answer));
  });
  await listen(server, 0);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server),
  };
}
