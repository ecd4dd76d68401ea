import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { GroupedPermissions } from './grouped-permissions';
import { allowNetworkInterfaces } from './network-interfaces';
import { policySizeErrors } from './policy-size';

/**
 * The runtime the bundles are built and tested for; named, so that an upgrade of aws-cdk-lib does
 * not move it.
 */
const RUNTIME = lambda.Runtime.NODEJS_24_X;

export interface BundledFunctionProps {
  /** Folder of the bundle in `lambda-dist`. */
  readonly bundle: string;
  readonly description: string;
  readonly timeout: Duration;
  readonly environment: Record<string, string>;
  readonly logRetention?: logs.RetentionDays;
  /** MiB; the share of a CPU grows with it. */
  readonly memorySize?: number;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/**
 * A function from a bundle that was built with the package: synthesis needs neither esbuild nor
 * Docker nor the network.
 */
export class BundledFunction extends lambda.Function {
  /** MiB. */
  public readonly memoryMegabytes: number;

  /** Permissions on resources of which there can be many. */
  public readonly permissions = new GroupedPermissions(this, this.role);

  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    const logGroup = functionLogGroup(scope, `${id}Logs`, props.logRetention);
    const memorySize = props.memorySize ?? 512;
    super(scope, id, {
      runtime: RUNTIME,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(bundlePath(props.bundle)),
      description: props.description,
      timeout: props.timeout,
      memorySize,
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      logGroup,
      role: functionRole(scope, `${id}Role`, logGroup),
      loggingFormat: lambda.LoggingFormat.JSON,
      ...(props.tracing ? { tracing: lambda.Tracing.ACTIVE } : {}),
    });
    this.memoryMegabytes = memorySize;
  }

  /**
   * Adds a statement to the role's default policy, which the function depends on.
   *
   * A feature flag of the CDK makes a policy per statement instead, which nothing depends on: event
   * source, schedules and custom resource would start before the permission exists.
   */
  public override addToRolePolicy(statement: iam.PolicyStatement): void {
    this.grantPrincipal.addToPrincipalPolicy(statement);
  }
}

/** A log group of the stack's own, so that logs have an end and go with the stack. */
export function functionLogGroup(
  scope: Construct,
  id: string,
  retention = logs.RetentionDays.THREE_MONTHS,
): logs.LogGroup {
  return new logs.LogGroup(scope, id, { retention, removalPolicy: RemovalPolicy.DESTROY });
}

/**
 * A role that can write to the function's own log group and nothing else, until more is granted.
 */
export function functionRole(scope: Construct, id: string, logGroup: logs.ILogGroup): iam.Role {
  const role = new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
  });
  logGroup.grantWrite(role);
  allowNetworkInterfaces(scope, role);
  role.node.addValidation({ validate: () => policySizeErrors(role) });
  return role;
}

function bundlePath(name: string): string {
  const folder = join(__dirname, '..', '..', 'lambda-dist', name);
  if (!existsSync(join(folder, 'index.js'))) {
    throw new Error(
      `the bundled handler lambda-dist/${name}/index.js is missing from the package: run "node tools/run.mjs bundle" in a checkout, or reinstall the package`,
    );
  }
  return folder;
}
