import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type PostbackDomain, PostbackRelay, RakutenPostback } from 'cdk-rakuten-postback';

const app = new App();
const stackIn = (id: string, region: string) =>
  new Stack(app, id, { env: { account: '111122223333', region }, crossRegionReferences: true });

/** One name, with a record for each region: a sender gets the nearest one that answers. */
const domainIn = (stack: Stack): PostbackDomain => ({
  domainName: 'postback.example.com',
  hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
    hostedZoneId: 'Z0123456789EXAMPLE',
    zoneName: 'example.com',
  }),
  latencyRouting: true,
});

// The region that writes rows and talks to Rakuten, and a copy of its table in the other.
const east = stackIn('RakutenPostbackEast', 'us-east-1');
const postback = new RakutenPostback(east, 'Postback', {
  publisher: {
    sid: '3900112',
    credentials: Secret.fromSecretNameV2(east, 'RakutenApi', 'rakuten/api'),
  },
  domain: domainIn(east),
  replicaRegions: ['us-west-2'],
});

// The region that takes postbacks too, and hands them on.
const west = stackIn('RakutenPostbackWest', 'us-west-2');
const relay = new PostbackRelay(west, 'Relay', { queue: postback.queue, domain: domainIn(west) });
relay.relayFunction.metricErrors().createAlarm(west, 'RelayFails', {
  alarmDescription:
    'Lines that came in through us-west-2 wait there, as us-east-1 does not take them. They are kept for 14 days from their arrival.',
  threshold: 1,
  evaluationPeriods: 3,
});

new CfnOutput(east, 'EndpointUrl', { value: postback.endpointUrl });
new CfnOutput(east, 'TableName', { value: postback.table.tableName });
new CfnOutput(west, 'RelayQueueUrl', { value: relay.queue.queueUrl });
