import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Big from 'big.js';
import { parseTemplate } from '../../local/gateway/velocity';
import { keep, readCorpus } from '../../scripts/fuzz/corpus';
import { complaintAbout } from '../../scripts/fuzz/oracle';
import { type Parts, REAL_PARTS, TEMPLATE_TEXT, travel } from '../../scripts/fuzz/pipeline';
import { fuzz } from '../../scripts/fuzz/run';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

describe('every query string that was once a problem', () => {
  it.each(readCorpus())('$name', async (kept) => {
    expect(complaintAbout(await travel(kept))).toBeUndefined();
  });
});

it(`${RUNS} generated ones arrive whole, whatever becomes of them`, async () => {
  const { tally, finding } = await fuzz({ runs: RUNS, seed: 20260418, storeEvery: 0 });
  expect(finding).toBeUndefined();
  expect([...tally.outcomes.keys()].sort()).toEqual(['forged', 'line', 'not-a-postback', 'probe']);
});

describe('a defect is found and made small', () => {
  const template = (text: string): Parts => ({ ...REAL_PARTS, template: parseTemplate(text) });
  const lines = (change: (line: Record<string, string>) => Record<string, string>): Parts => ({
    ...REAL_PARTS,
    decide: async (...call) => {
      const decision = await REAL_PARTS.decide(...call);
      return decision.kind === 'line'
        ? { ...decision, line: { ...decision.line, fields: { sid: '1', ...change(decision.line.fields) } } }
        : decision;
    },
  });

  it.each<[string, Parts, RegExp]>([
    ['a value that is not escaped', template(TEMPLATE_TEXT.replace('$util.urlEncode($qs.get($k))', '$qs.get($k)')), /parameter/],
    ['a message that is not escaped', template(TEMPLATE_TEXT.replace('$util.urlEncode("at=', '("at=')), /form|parameters|message/],
    [
      'a name that is lost',
      template(
        TEMPLATE_TEXT.replace('#foreach($k in $qs.keySet())', '#foreach($k in $qs.keySet())#if($k != "u1")').replace(
          '#{end}Action',
          '#{end}#{end}Action',
        ),
      ),
      /became/,
    ],
    ['a field that is lost', lines(({ u1: _, ...rest }) => rest), /u1 is lost/],
    [
      'an amount that is rounded',
      lines((l) => (l.sale_amount ? { ...l, sale_amount: new Big(new Big(l.sale_amount).toFixed(2)).toFixed() } : l)),
      /sale_amount is/,
    ],
    [
      'a value under another name',
      lines(({ order_id, ...rest }) => ({ ...rest, ...(order_id ? { offer_id: order_id } : {}) })),
      /order_id is lost|offer_id is/,
    ],
  ])('%s', async (_, parts, complaint) => {
    const { finding } = await fuzz({ runs: 3000, seed: 1, storeEvery: 0, parts });
    expect(finding?.complaint).toMatch(complaint);
    expect(finding?.case.query.length).toBeLessThan(120);
  });

  it('and kept for the tests', () => {
    const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
    try {
      keep({ list: 'all', query: 'a=\u00ff' }, 'because', folder);
      expect(readCorpus(folder)).toEqual([
        { name: expect.stringMatching(/^found-[0-9a-f]{8}$/), why: 'because', list: 'all', query: 'a=\u00ff' },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
