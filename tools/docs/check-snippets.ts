/**
 * Type-checks every TypeScript snippet of the pages and of the docstrings against the sources, in
 * one program:
 *
 *     node tools/run.mjs check-snippets
 *
 * A snippet that imports something is a whole file. One that does not stands for some lines in the
 * constructor of a stack, where what is usual there has been imported and `publisher`, `postback`
 * and the like exist.
 */
import { join } from 'node:path';
import ts from 'typescript';
import {
  type CodeBlock,
  codeBlocks,
  docstringExamples,
  filesOfGit,
  pages,
  ROOT,
  textOf,
} from './pages';

/** What a snippet without imports may use as if it had imported it. */
const IMPORTS = [
  `import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';`,
  ...[
    'cloudwatch',
    'dynamodb',
    'events',
    'iam',
    'kms',
    'lambda',
    'logs',
    's3',
    'sns',
    'sqs',
    'secretsmanager',
  ].map((name) => `import * as ${name} from 'aws-cdk-lib/aws-${name}';`),
  `import { TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';`,
  `import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';`,
  `import { Key } from 'aws-cdk-lib/aws-kms';`,
  `import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';`,
  `import * as targets from 'aws-cdk-lib/aws-events-targets';`,
  `import { DynamoDBClient } from '@aws-sdk/client-dynamodb';`,
  `import { ${namesExportedBy('lib/index.ts').join(', ')} } from 'cdk-rakuten-postback';`,
  `import { TransactionsClient } from 'cdk-rakuten-postback/client';`,
];

/** What the lines stand in, and what there is around them. */
const SURROUNDINGS = `${[
  [`import('aws-cdk-lib').App`, 'app'],
  [`import('aws-cdk-lib').Stack`, 'stack'],
  [`import('cdk-rakuten-postback').Publisher`, 'publisher'],
  [`import('cdk-rakuten-postback').RakutenPostback`, 'postback'],
  [`import('aws-cdk-lib/aws-sns').Topic`, 'topic'],
  [`import('aws-cdk-lib/aws-sqs').Queue`, 'queue'],
  [`import('aws-cdk-lib/aws-kms').Key`, 'key'],
  [`import('aws-cdk-lib/aws-events').EventBus`, 'bus'],
  [`import('aws-cdk-lib/aws-lambda').Function`, 'fn'],
  ['string', 'tableName, tableArn, tableStreamArn'],
]
  .map(([type, names]) =>
    String(names)
      .split(', ')
      .map((name) => `declare const ${name}: ${type};`)
      .join(' '),
  )
  .join(' ')} class Lines extends (null! as typeof import('aws-cdk-lib').Stack) { async lines() {`;

const snippets = [
  ...pages().flatMap(codeBlocks),
  ...filesOfGit()
    .filter((file) => /^(lib|client)\/.*\.ts$/.test(file))
    .flatMap(docstringExamples),
].filter(({ language }) => language === 'ts' || language === 'typescript');

const files = new Map(snippets.map((snippet, i) => [join(ROOT, `snippet-${i}.ts`), snippet]));
const options = optionsOfProject();
const problems = diagnose();
for (const problem of problems) console.error(problem);
console.log(`${snippets.length} snippets type-checked, ${problems.length} problems`);
if (snippets.length === 0 || problems.length > 0) process.exit(1);

function diagnose(): string[] {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  const textOfSnippet = (file: string): string | undefined => {
    const snippet = files.get(file);
    return snippet && wrapped(snippet);
  };
  host.readFile = (file) => textOfSnippet(file) ?? readFile.call(host, file);
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = textOfSnippet(file);
    return text === undefined
      ? getSourceFile.call(host, file, target, ...rest)
      : ts.createSourceFile(file, text, target, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(inWords);
  });
}

/** With as many lines before each line of the snippet as `linesBefore` says. */
function wrapped({ code }: CodeBlock): string {
  if (isWhole(code)) return `${code}\nexport {};`;
  const { imports, lines } = parts(code);
  return `${imports || IMPORTS.join('\n')}\n${SURROUNDINGS}\n${lines}\n}}\nexport {};`;
}

function linesBefore({ code }: CodeBlock): number {
  if (isWhole(code)) return 0;
  return parts(code).imports === '' ? IMPORTS.length + 1 : 1;
}

function isWhole(code: string): boolean {
  return /^import /m.test(code) && !/\bthis\b|^ *(publisher|stack),$/m.test(code);
}

function parts(code: string): { imports: string; lines: string } {
  const imports =
    /^(?:(?:import .*|[ \w,]*|} from .*;)\n)*(?:import .*|} from .*);\n/.exec(code)?.[0] ?? '';
  return { imports: imports.trimEnd(), lines: code.slice(imports.length) };
}

/** Read from the text: to ask the compiler, it would have to read the CDK's types twice. */
function namesExportedBy(index: string): string[] {
  const text = textOf(index);
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
    list.split(','),
  );
  const stars = [...text.matchAll(/^export \* from '\.\/(.*)';/gm)].flatMap(([, name]) => [
    ...textOf(`lib/${name}.ts`).matchAll(
      /^export (?:abstract )?(?:class|interface|enum|type|const|function) (\w+)/gm,
    ),
  ]);
  return [
    ...lists.map((name) => name.replace(/^\s*type /, '').trim()),
    ...stars.map((found) => String(found[1])),
  ].filter((name) => name !== '');
}

function inWords({ file, start = 0, messageText }: ts.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(messageText, '\n');
  const snippet = file && files.get(file.fileName);
  if (file === undefined || snippet === undefined) return message;
  const line = snippet.line + file.getLineAndCharacterOfPosition(start).line - linesBefore(snippet);
  return `${snippet.file}:${line}: ${message}`;
}

function optionsOfProject(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options: parsed } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // A snippet shows something; it need not use it.
  const { Bundler } = ts.ModuleResolutionKind;
  return {
    ...parsed,
    noUnusedLocals: false,
    noUnusedParameters: false,
    module: ts.ModuleKind.ESNext,
    moduleResolution: Bundler,
  };
}
