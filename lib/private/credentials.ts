import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Publisher } from '../publisher';

/** What is wrong with how the credentials were given, and the mend; nothing when they are right. */
export function credentialsProblem({ credentials, credentialsParameter }: Publisher): string | undefined {
  if (credentials && credentialsParameter) return 'both credentials and credentialsParameter are given; keep one of them';
  // A text in its place is mostly the secret's name, but may be the secret: it is not shown.
  if (credentials && typeof credentials.grantRead !== 'function') {
    return "credentials is not a secret of the CDK; give, for example, Secret.fromSecretNameV2(this, 'RakutenApi', 'rakuten/api')";
  }
  if (credentialsParameter && typeof credentialsParameter.grantRead !== 'function') {
    return 'credentialsParameter is not a parameter of the CDK; give, for example, StringParameter.fromSecureStringParameterAttributes(…)';
  }
  if (credentials || credentialsParameter) return undefined;
  return "Rakuten's API credentials are missing; give a Secrets Manager secret as credentials, or a SecureString as credentialsParameter";
}

/** How a function asks for the credentials: by ARN; a secret that was imported by name has no full ARN, and its name is then the exact way. */
export function credentialsId({ credentials, credentialsParameter }: Publisher): string | undefined {
  return credentials ? (credentials.secretFullArn ?? credentials.secretName) : credentialsParameter?.parameterArn;
}

/** Lets a function read the credentials and nothing beside them. */
export function grantReadCredentials({ credentials, credentialsParameter }: Publisher, reader: iam.IGrantable): void {
  credentials?.grantRead(reader);
  credentialsParameter?.grantRead(reader);
}
