import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import * as consumer from '../../../../../lambda/consumer';

export const logger = new Logger({ serviceName: 'bench' });
export const metrics = new Metrics({ namespace: 'bench', serviceName: 'bench' });
export const { handler } = consumer;
