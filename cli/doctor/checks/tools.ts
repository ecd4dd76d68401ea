import sdk from '@aws-sdk/client-sqs/package.json';
import { type Check, ok, warning } from '../finding';

/** What the package and the SDK in it are made for. */
const OLDEST_NODE = [20, 19] as const;

export const tools: Check = {
  area: 'From here',
  name: 'This program',
  permissions: [],
  run: async () => {
    const version = process.env.RAKUTEN_POSTBACK_VERSION ?? 'from source';
    const found = `cdk-rakuten-postback ${version}, AWS SDK ${sdk.version}, Node ${process.versions.node}, ${process.platform}`;
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
    return isOld ? warning(found, `use Node ${OLDEST_NODE.join('.')} or newer`) : ok(found);
  },
};
