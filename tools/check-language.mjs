// Checks the words and the width of comments, strings, names and pages against CONTRIBUTING.md:
// node tools/check-language.mjs [path ...]     without a path: everything under version control
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const WIDTH = 100;
const MAX_WORDS = 25;

/** Words that are unclear to a reader who is new here, each with its replacement. */
const WORDS = [
  [/\b(tells?|told|telling)\b/i, 'report, return, notify, say'],
  [/\b(whoever|whomever)\b/i, 'anyone who, a user who'],
  [/\b(somebody|anybody)\b/i, 'a noun: an operator, another system, an attacker'],
  [/\b(stands|stood)\b/i, 'is'],
  [/\bmend(s|ed|ing)?\b/i, 'fix, correct, repair'],
  [/\bbeside\b/i, 'next to, in addition to'],
  [/\bput(s|ting)? right\b/i, 'fix, correct'],
  [/\b(is|are|was|were|be|been|being) looked (at|for|up)\b/i, 'checked, read, searched for'],
  [/\blook(s|ed|ing)? (at|into) the (slot|postback|row|table)\b/i, 'check, read'],
  [/\bturn(s|ed|ing)? away\b/i, 'reject'],
  [/\bso many\b/i, 'a number of, at most N'],
  [/\b(is|are|was|were) to be\b/i, 'must be, will be'],
  [/\bnone of ours\b/i, 'not from this installation'],
  [/\banew\b/i, 'again'],
  [/\bhand(s|ed|ing)? on\b/i, 'forward, pass, continue in'],
  [/\bcarr(y|ies|ied|ying) out\b/i, 'apply, run'],
  [/\bwithout a word\b/i, 'without notice'],
  [/\bis nothing to be\b/i, 'nothing must be'],
  [/\bgive(s|n|ing)? back\b/i, 'return, release'],
  [/\bgave back\b/i, 'returned, released'],
  [/\bone that\b/i, 'a noun'],
  [/\bwhat (came|comes|went)\b/i, 'a noun: the message, the postback'],
  [/\b(at|to) its place\b/i, 'where it belongs'],
  [/\bjudges? (whether|if|of)\b/i, 'decide, classify'],
  [/\bof its own accord\b/i, 'automatically'],
  [/\bby and by\b/i, 'gradually'],
  [/\b(thereof|therein|thereby|wherein|whereby|hence|lest|henceforth|hitherto)\b/i, 'plain words'],
  [/\bever so often\b/i, 'regularly'],
  [/\bfarewell\b/i, 'shutdown'],
];
/** The same for parts of names: `wasTold`, `mendRows`. */
const NAME_PARTS =
  /(?:^|[a-z_$])(Told|Whoever|Somebody|Anybody|Stands|Mend|Beside|Anew|Farewell)(?=[A-Z_]|$)|^(told|whoever|somebody|anybody|stands|mend|beside|anew|farewell)(?=[A-Z_]|$)/;

const EXEMPT = [
  'API.md',
  'LICENSE',
  'tools/check-language.mjs',
  'test/fixtures/',
  'test/unit/lib/__snapshots__/',
  'docs/faults.md',
  'docs/internals/faults.md',
];

const args = process.argv.slice(2);
const withSentences = args[0] === '--sentences';
const paths = withSentences ? args.slice(1) : args;
const listed = spawnSync('git', ['ls-files', '--', ...paths], { encoding: 'utf8' }).stdout;
const files = listed
  .split('\n')
  .filter((file) => /\.(ts|mjs|cjs|js|md|vtl)$/.test(file))
  .filter((file) => !EXEMPT.some((exempt) => file.startsWith(exempt)));

const findings = [];
for (const file of files) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // Deleted in the working tree, and not committed yet.
    if (error.code === 'ENOENT') continue;
    throw error;
  }
  if (file.endsWith('.md')) checkPage(file, text);
  else if (file.endsWith('.vtl')) checkText(file, 0, text);
  else checkSource(file, text);
}
for (const { file, line, text } of findings) console.error(`${file}:${line + 1}: ${text}`);
if (findings.length > 0) {
  console.error(`\n${findings.length} findings. CONTRIBUTING.md has the rules.`);
  process.exit(1);
}

function report(file, line, text) {
  findings.push({ file, line, text });
}

/** Words over the whole text, so that those that a line break separates are found too. */
function checkText(file, firstLine, text) {
  const joined = text.replace(
    /\n[ \t]*(\*(?!\/)|\/\/|>)?[ \t]*/g,
    (match) => ` ${' '.repeat(match.length - 1)}`,
  );
  for (const [word, replacement] of WORDS) {
    for (const found of joined.matchAll(new RegExp(word.source.replaceAll(' ', ' +'), 'gi'))) {
      const line = firstLine + text.slice(0, found.index).split('\n').length - 1;
      report(file, line, `"${found[0].replace(/ +/g, ' ')}": ${replacement}`);
    }
  }
  if (!withSentences) return;
  for (const sentence of joined.split(/(?<=[.!?:;])\s+|\s{3,}/)) {
    const count = sentence.split(/\s+/).filter((part) => /[a-z]/i.test(part)).length;
    if (count <= MAX_WORDS) continue;
    const line = firstLine + text.slice(0, joined.indexOf(sentence)).split('\n').length - 1;
    report(file, line, `sentence of ${count} words: ${sentence.slice(0, 60)}…`);
  }
}

function checkWidth(file, line, text) {
  if (text.length > WIDTH && !/https?:\/\/|\]\(/.test(text) && !/^\s*(\* )?\|/.test(text))
    report(file, line, `${text.length} columns, more than ${WIDTH}`);
}

function checkPage(file, text) {
  const lines = text.split('\n');
  let fence;
  const prose = lines.map((line, at) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined) {
      fence = fence === undefined ? mark : line.trim().startsWith(fence) ? undefined : fence;
      return '';
    }
    if (fence !== undefined) return '';
    checkWidth(file, at, line);
    return line.replace(/`[^`]*`/g, (code) => 'x'.repeat(code.length));
  });
  checkText(file, 0, prose.join('\n').replace(/\n\n/g, '\n \n'));
}

function checkSource(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (at) => source.getLineAndCharacterOfPosition(at).line;
  const seen = new Set();
  const comments = (at) => {
    for (const range of [
      ...(ts.getLeadingCommentRanges(text, at) ?? []),
      ...(ts.getTrailingCommentRanges(text, at) ?? []),
    ]) {
      if (seen.has(range.pos)) continue;
      seen.add(range.pos);
      const comment = text.slice(range.pos, range.end);
      comment.split('\n').forEach((_, index) => {
        const line = lineOf(range.pos) + index;
        const whole = text.split('\n')[line];
        if (/^\s*(\/\/|\/?\*)/.test(whole) && !/biome-ignore/.test(whole))
          checkWidth(file, line, whole);
      });
      checkText(
        file,
        lineOf(range.pos),
        comment.replace(/`[^`]*`/g, (code) => 'x'.repeat(code.length)),
      );
    }
  };
  const visit = (node) => {
    comments(node.getFullStart());
    comments(node.getEnd());
    if (
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    ) {
      if (!ts.isImportDeclaration(node.parent)) checkText(file, lineOf(node.getStart()), node.text);
    } else if (ts.isIdentifier(node) && NAME_PARTS.test(node.text)) {
      report(file, lineOf(node.getStart()), `name ${node.text}: no standard term`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
