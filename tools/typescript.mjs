// Lets Node run the TypeScript sources (`node --import ./tools/typescript.mjs file.ts`), by tsx and
// with one difference: where `npm run build` has left a compiled .js beside a source, the source is
// what runs. tsx would take the .js, and with it a state of the project that is perhaps long gone.
import Module from 'node:module';
import 'tsx';

const extensions = Module._extensions;
const { '.js': loadJavaScript } = extensions;
// Node tries the extensions in the order in which they were added.
delete extensions['.js'];
extensions['.js'] = loadJavaScript;

// The SDK's notice about the Node version that it will need next year would stand between what the
// programs print.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
