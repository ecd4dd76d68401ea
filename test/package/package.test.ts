import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import packageJson from '../../package.json';
import { linksOf, targetOf } from '../../tools/docs/pages';
import { type ExampleTemplate, InstalledExample, typescriptExamples } from '../support/examples';
import { type JsiiType, type PackedPackage, packedPackage } from '../support/packed';
import { handlers, ROOT, sourcesIn } from '../support/sources';

const run = promisify(execFile);

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packedPackage();
});
afterAll(() => packed?.remove());

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;

describe('the tarball', () => {
  it('has every bundle with its source map', () => {
    const functions = handlers().map((file) => file.split('/')[1]);
    expect(functions).toEqual(expect.arrayContaining(['consumer', 'registration']));
    const bundles = packed.files.filter((file) => file.startsWith('lambda-dist/'));
    const expected = functions.flatMap((name) => [
      `lambda-dist/${name}/index.js`,
      `lambda-dist/${name}/index.js.map`,
    ]);
    expect(bundles).toEqual([...expected, 'lambda-dist/THIRD-PARTY-NOTICES'].sort());
  });

  it('has each source of the library, of what it stands on and of the client as JavaScript and as types, and the mapping template', () => {
    const sources = ['lib', 'core', 'client']
      .flatMap(sourcesIn)
      .map((file) => file.replace(/\.ts$/, ''));
    const compiled = packed.files.filter((file) => /^(lib|core|client)\//.test(file));
    expect(compiled).toEqual(
      [
        ...sources.flatMap((name) => [`${name}.js`, `${name}.d.ts`]),
        'lib/ingestion-api.vtl',
      ].sort(),
    );
  });

  it('has the API description that packages for other languages are made from, the command line, the licence and the read-me', () => {
    for (const file of [
      '.jsii',
      'cli-dist/cdk-rakuten-postback.js',
      'LICENSE',
      'README.md',
      'API.md',
      'package.json',
    ])
      expect(packed.files).toContain(file);
    expect(packed.files).toContain('node_modules/big.js/big.js');
  });

  it('has no script that npm would run or warn about', async () => {
    const { scripts, name } = JSON.parse(
      await readFile(join(packed.folder, 'package.json'), 'utf8'),
    ) as { scripts?: object; name: string };
    expect(name).toBe(packageJson.name);
    expect(scripts).toBeUndefined();
  });

  it('names the packages that are bundled, with the text of their licences', async () => {
    for (const [folder, bundled] of [
      ['lambda-dist', '@aws-sdk/client-dynamodb'],
      ['cli-dist', 'commander'],
    ] as const) {
      const notices = await readFile(join(packed.folder, folder, 'THIRD-PARTY-NOTICES'), 'utf8');
      expect(notices).toContain(
        `${bundled} ${(packageJson.devDependencies as Record<string, string>)[bundled]} (`,
      );
      expect(notices).toMatch(/Permission is hereby granted|Apache License/);
    }
  });

  it('would not be built with a package under a licence that may not be passed on', async () => {
    const folder = join(packed.app, 'node_modules/strict');
    await mkdir(folder);
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'strict', version: '1.0.0', license: 'AGPL-3.0-only' }),
    );
    const metafile = {
      outputs: {
        'index.js': { inputs: { 'node_modules/strict/index.js': { bytesInOutput: 10 } } },
      },
    };
    const script = `import { writeNotices } from ${JSON.stringify(pathToFileURL(join(ROOT, 'tools/third-party.mjs')))};
      writeNotices(${JSON.stringify(metafile)}, ${JSON.stringify(packed.app)}, 'notices');`;
    await expect(run(process.execPath, ['--input-type=module', '--eval', script])).rejects.toThrow(
      'strict 1.0.0 (AGPL-3.0-only)',
    );
    await rm(folder, { recursive: true });
  });

  it('has nothing else: no tests, no local run, no sources, nothing of a machine', async () => {
    const known =
      /^(lib|core|client)\/[\w/.-]+\.(js|d\.ts|vtl)$|^(lambda-dist|cli-dist|docs)\/|^node_modules\/big\.js\/|^(\.jsii|LICENSE|README\.md|API\.md|CHANGELOG\.md|package\.json)$/;
    expect(packed.files.filter((file) => !known.test(file))).toEqual([]);
    for (const file of packed.files.filter((name) => /\.(js|json|ts|jsii|map)$/.test(name))) {
      const text = await readFile(join(packed.folder, file), 'utf8');
      for (const folder of [ROOT, packed.source])
        expect([file, text.includes(folder)]).toEqual([file, false]);
    }
  });

  it('has pages whose links lead to what is packed, or to the repository', async () => {
    const pages = packed.files.filter(
      (file) => file.endsWith('.md') && !file.startsWith('node_modules/'),
    );
    expect(pages).toEqual(
      expect.arrayContaining([
        'README.md',
        'API.md',
        'CHANGELOG.md',
        'docs/README.md',
        'docs/runbook/README.md',
      ]),
    );
    const dead: string[] = [];
    for (const page of pages) {
      for (const link of linksOf(await readFile(join(packed.folder, page), 'utf8'))) {
        const target = targetOf(page, link);
        if (
          target !== undefined &&
          !packed.files.some((file) => file === target || file.startsWith(`${target}/`))
        )
          dead.push(`${page}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('is small', () => {
    console.log(
      `npm tarball: ${kilobytes(packed.packedSize)} packed, ${kilobytes(packed.unpackedSize)} unpacked, ${packed.files.length} files`,
    );
    expect(packed.packedSize).toBeLessThan(3_000_000);
    expect(packed.unpackedSize).toBeLessThan(12_000_000);
  });
});

describe('an app that has it installed', () => {
  const userApp = join(__dirname, 'user-app');
  let outDir: string;

  beforeAll(async () => {
    outDir = join(packed.app, 'cdk.out');
    await cp(join(userApp, 'app.cjs'), join(packed.app, 'app.cjs'));
  });

  it('synthesizes without network, without another program and without esbuild, and is told nothing', async () => {
    const { stdout, stderr } = await run(
      process.execPath,
      ['--require', join(userApp, 'offline.cjs'), 'app.cjs', outDir],
      {
        cwd: packed.app,
        env: { PATH: '' },
      },
    );
    expect(stdout + stderr).toBe('');
    const { Resources } = JSON.parse(
      await readFile(join(outDir, 'CashBack.template.json'), 'utf8'),
    ) as {
      Resources: Record<string, { Type: string }>;
    };
    const types = Object.values(Resources).map(({ Type }) => Type);
    expect(types.filter((type) => type === 'Custom::RakutenPostbackRegistration')).toHaveLength(2);
    expect(types).toEqual(
      expect.arrayContaining([
        'AWS::ApiGateway::RestApi',
        'AWS::SQS::Queue',
        'AWS::DynamoDB::GlobalTable',
      ]),
    );
  });

  it('deploys the very bundles of the package', async () => {
    const read = (folder: string, files: readonly string[]): Promise<string[]> =>
      Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    const bundles = await read(
      packed.folder,
      packed.files.filter((file) => /^lambda-dist\/.*\.js$/.test(file)),
    );
    // CDK's provider framework is an asset too; it has another entry.
    const assets = (await readdir(outDir, { recursive: true })).filter((name) =>
      /^asset\.[^/]+\/index\.js$/.test(name),
    );
    const deployed = await read(outDir, assets);
    expect(deployed.length).toBeGreaterThanOrEqual(2);
    expect(deployed.map((text) => bundles.includes(text))).toEqual(deployed.map(() => true));
  });

  it('synthesizes the same template again: nothing in it comes from a clock, from chance or from a place', async () => {
    const again = join(packed.app, 'elsewhere', 'cdk.out');
    await mkdir(join(packed.app, 'elsewhere'));
    await run(process.execPath, ['app.cjs', again], {
      cwd: packed.app,
      env: { ...process.env, TZ: 'Asia/Tokyo' },
    });
    const [one, other] = await Promise.all(
      [outDir, again].map((folder) => readFile(join(folder, 'CashBack.template.json'), 'utf8')),
    );
    expect(other).toBe(one);
  });

  it('type-checks against the package', async () => {
    await symlink(join(ROOT, 'node_modules/@types'), join(packed.app, 'node_modules/@types'));
    await writeFile(
      join(packed.app, 'app.ts'),
      `import { Duration, Stack } from 'aws-cdk-lib';
       import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
       import { PostbackFields, RakutenPostback, type RakutenPostbackProps } from 'cdk-rakuten-postback';
       const stack = new Stack();
       const props: RakutenPostbackProps = {
         publisher: { sid: '1', credentials: new Secret(stack, 'S'), acknowledgementLimit: Duration.millis(300) },
         fields: PostbackFields.only('commissions'),
       };
       const url: string = new RakutenPostback(stack, 'P', props).endpointUrl;
       console.log(url);`,
    );
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'node16',
      '--types',
      'node',
      'app.ts',
    ];
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options], {
      cwd: packed.app,
    });
  });

  it('has the command line', async () => {
    const { stdout } = await run(process.execPath, [
      join(packed.folder, packageJson.bin['cdk-rakuten-postback']),
      '--version',
    ]);
    expect(stdout.trim()).toBe(packageJson.version);
  });
});

describe('the examples', () => {
  const templates: Record<string, Record<string, ExampleTemplate>> = {};

  it.each(typescriptExamples())(
    '%s type-checks and synthesizes with the package, as its user runs it',
    async (name) => {
      const example = await InstalledExample.in(packed.app, name);
      await example.typeCheck();
      templates[name] = await example.synthesize();
      const types = Object.values(templates[name]).flatMap(({ Resources }) =>
        Object.values(Resources).map(({ Type }) => Type),
      );
      expect(types).toEqual(
        expect.arrayContaining([
          'Custom::RakutenPostbackRegistration',
          'AWS::ApiGateway::Method',
          'AWS::SQS::Queue',
        ]),
      );
    },
    180_000,
  );

  it('show a table of the keys and indexes that the construct makes', () => {
    const [made, own] = ['minimal', 'own-table-and-domain'].map((name) => {
      const resources = Object.values(templates[name]?.RakutenPostback?.Resources ?? {});
      const tables = resources.filter(
        ({ Type, Properties }) =>
          Type === 'AWS::DynamoDB::GlobalTable' && Properties.GlobalSecondaryIndexes,
      );
      expect(tables).toHaveLength(1);
      const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, StreamSpecification } =
        tables[0]?.Properties ?? {};
      const indexes = GlobalSecondaryIndexes.map(
        ({ IndexName, KeySchema }: Record<string, unknown>) => ({ IndexName, KeySchema }),
      );
      return { KeySchema, AttributeDefinitions, indexes, StreamSpecification };
    });
    expect(own).toEqual(made);
  });

  it('show two regions of which one writes and registers, under one name', () => {
    const { RakutenPostbackEast: east, RakutenPostbackWest: west } = templates['two-regions'] ?? {};
    const of = (template: ExampleTemplate | undefined, type: string) =>
      Object.values(template?.Resources ?? {}).filter(({ Type }) => Type === type);
    expect(
      [east, west].map((template) => of(template, 'Custom::RakutenPostbackRegistration').length),
    ).toEqual([1, 0]);
    expect(
      [east, west].map((template) => of(template, 'AWS::DynamoDB::GlobalTable').length > 0),
    ).toEqual([true, false]);
    const records = [east, west].flatMap((template) =>
      of(template, 'AWS::Route53::RecordSet').map(({ Properties }) => Properties),
    );
    expect(new Set(records.map(({ Name }) => Name))).toEqual(new Set(['postback.example.com.']));
    expect(records.map(({ Region, Type }) => `${Region} ${Type}`).sort()).toEqual([
      'us-east-1 A',
      'us-east-1 AAAA',
      'us-west-2 A',
      'us-west-2 AAAA',
    ]);
  });
});

describe('the public API', () => {
  const typesOf = (): JsiiType[] => Object.values(packed.assembly.types);

  it('compiles without a warning', () => {
    // The two that are silenced ask for the oldest CDK as development dependency;
    // tools/package/try-package.ts tries the package with that one instead.
    expect(packed.jsiiOutput).toMatch(/Errors: 0 \| Warnings: 0 \(\+2 silenced\)/);
  });

  it('is one construct, the list of fields, and what they are told; the parts of the construct stay inside', () => {
    const named = (kind: string): string[] =>
      typesOf()
        .filter((type) => type.kind === kind)
        .map(({ name }) => name)
        .sort();
    expect(named('class')).toEqual(
      expect.arrayContaining(['PostbackFields', 'PostbackRelay', 'RakutenPostback']),
    );
    expect(named('enum')).toEqual([
      'AlarmKind',
      'AlarmSeverity',
      'ExistingPostback',
      'RemovalAction',
      'TakeoverAction',
      'TransactionChange',
      'TransactionKind',
    ]);
    expect(named('interface')).toEqual(
      expect.arrayContaining(['Publisher', 'RakutenPostbackProps']),
    );
    for (const type of typesOf())
      if (type.kind === 'interface') expect([type.name, type.datatype]).toEqual([type.name, true]);
  });

  it('says of everything what it is, and of each optional property what happens without it', () => {
    const missing: string[] = [];
    for (const type of typesOf()) {
      if (!type.docs?.summary) missing.push(`${type.name}: what it is`);
      for (const member of [
        ...(type.properties ?? []),
        ...(type.methods ?? []),
        ...(type.members ?? []),
      ]) {
        if (!member.docs?.summary) missing.push(`${type.name}.${member.name}: what it is`);
        if (type.datatype && member.optional && !member.docs?.default)
          missing.push(`${type.name}.${member.name}: @default`);
        for (const parameter of member.parameters ?? []) {
          // The summary of a metric says what its statistic and period are; the rest is the CDK's.
          if (parameter.type?.fqn === 'aws-cdk-lib.aws_cloudwatch.MetricOptions') continue;
          if (!parameter.docs?.summary)
            missing.push(`${type.name}.${member.name}(${parameter.name}): @param`);
        }
      }
    }
    expect(missing).toEqual([]);
  });

  it('has no type that other languages cannot use', () => {
    expect(JSON.stringify(packed.assembly.types)).not.toMatch(/"primitive":"any"|"union":/);
  });
});
