import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Big from 'big.js';
import type { KeyedPush } from '../../../core/transactions/pushed-line';
import type { LineFields } from '../../../core/transactions/row';
import { parseTemplate } from '../../../local/gateway/velocity';
import { keep, readCorpus } from '../../../tools/fuzz/corpus';
import { complaintAbout } from '../../../tools/fuzz/oracle';
import { type Parts, REAL_PARTS, TEMPLATE_TEXT, travel } from '../../../tools/fuzz/pipeline';
import { fuzz } from '../../../tools/fuzz/run';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

describe('each query string that was once a problem arrives whole', () => {
  it.each(readCorpus())('$name', async (kept) => {
    expect(complaintAbout(await travel(kept))).toBeUndefined();
  });
});

it(`${RUNS} generated query strings arrive whole, as a row or not`, async () => {
  const { tally, finding } = await fuzz({ runs: RUNS, seed: 20260418, storeEvery: 0 });
  expect(finding).toBeUndefined();
  expect([...tally.outcomes.keys()].sort()).toEqual(['forged', 'line', 'not-a-postback', 'probe']);
});

describe('a defect is found and its case is reduced', () => {
  const template = (text: string): Parts => ({ ...REAL_PARTS, template: parseTemplate(text) });
  const lines = (change: (line: KeyedPush) => Partial<KeyedPush>): Parts => ({
    ...REAL_PARTS,
    decide: async (...call) => {
      const decision = await REAL_PARTS.decide(...call);
      return decision.kind === 'line' ? { ...decision, ...change(decision) } : decision;
    },
  });
  const fields = (change: (fields: LineFields) => LineFields): Parts =>
    lines(({ push }) => ({ push: { ...push, fields: change(push.fields) } }));

  it.each<[string, Parts, RegExp]>([
    [
      'a value that is not escaped',
      template(TEMPLATE_TEXT.replace('$util.urlEncode($qs.get($k))', '$qs.get($k)')),
      /parameter/,
    ],
    [
      'a message that is not escaped',
      template(TEMPLATE_TEXT.replace('$util.urlEncode("at=', '("at=')),
      /form|parameters|message/,
    ],
    [
      'a name that is lost',
      template(
        TEMPLATE_TEXT.replace(
          '#foreach($k in $qs.keySet())',
          '#foreach($k in $qs.keySet())#if($k != "u1")',
        ).replace('#end&', '#end#end&'),
      ),
      /became/,
    ],
    ['a field that is lost', fields(({ u1: _, ...rest }) => rest), /u1 is lost/],
    [
      'an amount that is rounded',
      fields((l) =>
        l.sale_amount
          ? { ...l, sale_amount: new Big(new Big(l.sale_amount).toFixed(2)).toFixed() }
          : l,
      ),
      /sale_amount is/,
    ],
    [
      'a value under another name',
      fields(({ order_id, ...rest }) => ({ ...rest, ...(order_id ? { offer_id: order_id } : {}) })),
      /order_id is lost|offer_id is/,
    ],
    [
      'a row of the publisher in the query',
      lines(({ key, push }) => ({
        key: { ...key, lineId: key.lineId.replace('3900112', push.fields.sid ?? '3900112') },
      })),
      /another publisher/,
    ],
    [
      'a foreign publisher that is not counted',
      lines(() => ({ hasForeignSid: false })),
      /sid .* counted as foreign/,
    ],
    [
      'a lower-case copy of an ID',
      lines(({ key }) => ({ key: { ...key, lineId: key.lineId.toLowerCase() } })),
      /the ID .* became/,
    ],
    [
      'extra parameters without a bound',
      lines(({ push }) => ({
        push: { ...push, extra: { ...push.extra, long: 'x'.repeat(2000) } },
      })),
      /too long/,
    ],
    [
      'a value of any length',
      fields((l) => (l.offer_id ? { ...l, product_name: 'x'.repeat(9000) } : l)),
      /product_name is|a row can grow to/,
    ],
  ])('%s', async (_, parts, complaint) => {
    const { finding } = await fuzz({ runs: 3000, seed: 1, storeEvery: 0, parts });
    expect(finding?.complaint).toMatch(complaint);
    expect(finding?.case.query.length).toBeLessThan(200);
  });

  it('keeps a case for the tests', () => {
    const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
    try {
      keep({ list: 'all', query: 'a=\u00ff' }, 'because', folder);
      expect(readCorpus(folder)).toEqual([
        {
          name: expect.stringMatching(/^found-[0-9a-f]{8}$/),
          why: 'because',
          list: 'all',
          query: 'a=\u00ff',
        },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
