import { CfnOutput, Stack } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { type MonitoringOptions, type PostbackDomain, RakutenPostback } from '../lib';
import type { AppSettings, DomainSettings } from './settings';

/**
 * The stack of the app: a RakutenPostback as the settings say, and outputs that name what an
 * operator needs.
 */
export class PostbackStack extends Stack {
  constructor(scope: Construct, id: string, settings: AppSettings) {
    super(scope, id, {
      stackName: settings.stackName,
      description: 'Receives the postbacks of Rakuten Advertising, each exactly once',
      env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
    });
    const postback = new RakutenPostback(this, 'Postback', {
      publisher: {
        sid: settings.sid,
        credentials: Secret.fromSecretNameV2(this, 'Credentials', settings.credentialsSecretName),
        existingPostback: settings.existingPostback,
        onRemoval: settings.onRemoval,
      },
      fields: settings.fields,
      removalPolicy: settings.removalPolicy,
      rakutenApiUrl: settings.rakutenApiUrl,
      endpointBaseUrl: settings.endpointBaseUrl,
      domain: this.named(settings.domain),
      monitoring: this.mailing(settings.alarmEmail),
    });
    const outputs: Record<string, [value: string, description: string]> = {
      EndpointUrl: [
        postback.endpointUrl,
        'Where Rakuten sends to (without the secret and the fields)',
      ],
      TableName: [postback.table.tableName, 'The table with one row per line'],
      QueueUrl: [postback.queue.queueUrl, 'The queue between endpoint and table'],
      DeadLetterQueueUrl: [
        postback.deadLetterQueue.queueUrl,
        'Messages that could not be processed',
      ],
      RegistrationStatus: [postback.registrationStatus, 'What the deployment left at Rakuten'],
      Sid: [settings.sid, 'The publisher id'],
      StateTableName: [postback.stateTable.tableName, 'What the functions share'],
      RegistrationFunctionName: [
        postback.registrationFunction.functionName,
        'The function that talks to Rakuten',
      ],
      ReconciliationFunctionName: [
        postback.reconciliationFunction?.functionName ?? '',
        'The function that compares with the Events API',
      ],
      StatusWatchFunctionName: [
        postback.statusWatchFunction?.functionName ?? '',
        'The function that keeps the postbacks switched on',
      ],
      DashboardName: [
        postback.dashboard?.dashboardName ?? '',
        'CloudWatch dashboard: is money arriving, is anything lost, is it fast enough, what does it cost',
      ],
      UrlSecretArn: [
        postback.urlSecret.secretArn,
        'The secret in the registered URL (its name, not its value)',
      ],
    };
    for (const [name, [value, description]] of Object.entries(outputs))
      new CfnOutput(this, name, { value, description });
  }

  private named(domain: DomainSettings | undefined): PostbackDomain | undefined {
    if (domain === undefined) return undefined;
    const { name, hostedZoneId, hostedZoneName } = domain;
    const hostedZone = HostedZone.fromHostedZoneAttributes(this, 'HostedZone', {
      hostedZoneId,
      zoneName: hostedZoneName,
    });
    return { domainName: name, hostedZone };
  }

  /**
   * Alarms that write to an address, and write again when they are over. AWS asks the address to
   * confirm first.
   */
  private mailing(address: string | undefined): MonitoringOptions | undefined {
    if (address === undefined) return undefined;
    const topic = new Topic(this, 'Alarms', { displayName: 'Rakuten postbacks', enforceSSL: true });
    topic.addSubscription(new EmailSubscription(address));
    // A topic with a policy of its own lets only those publish that the policy names.
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    const actions = [new SnsAction(topic)];
    return { alarmActions: actions, okActions: actions };
  }
}
