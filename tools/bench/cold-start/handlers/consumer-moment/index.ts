import moment from 'moment-timezone';
import * as consumer from '../../../../../lambda/consumer/index';

export const startedAt = moment.tz('America/New_York').format();
export const { handler } = consumer;
