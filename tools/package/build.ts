/** Compiles the package beside its sources, for `npm run build`. */
import { compile, ROOT } from './build-copy';

compile(ROOT);
