// The SDK's notice about the Node version that it will need next year would stand between the
// results.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
// What the programs print is compared as text; where CI is set, colours would come even without a
// terminal.
process.env.NO_COLOR = '1';
