import ts from 'typescript';
import { codeBlocks, pages } from '../docs/pages';
import type { Rule } from './rules';

/**
 * The rules in the TypeScript of the pages. Each must match the events that its `detailType` names.
 */
export const documentedRules = (): Rule[] =>
  pages()
    .flatMap(codeBlocks)
    .filter(({ language, code }) => language === 'ts' && code.includes('eventPattern'))
    .flatMap(({ file, line, code }) =>
      eventPatterns(code).map((pattern) => documentedRule(`${file}:${line}`, pattern)),
    );

/** The CDK writes `detail-type` for `detailType`. */
function documentedRule(where: string, { detailType, ...rest }: { detailType?: string[] }): Rule {
  return { where, pattern: { ...rest, 'detail-type': detailType }, topics: detailType ?? [] };
}

function eventPatterns(code: string): object[] {
  const found: object[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'eventPattern')
      found.push(literalOf(node.initializer) as object);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('page.ts', code, ts.ScriptTarget.Latest, true));
  return found;
}

function literalOf(node: ts.Node): unknown {
  if (ts.isStringLiteral(node)) return node.text;
  if (ts.isArrayLiteralExpression(node)) return node.elements.map(literalOf);
  if (!ts.isObjectLiteralExpression(node))
    throw new Error(`eventPattern in a page: write ${node.getText()} as a literal`);
  const properties = node.properties.filter(ts.isPropertyAssignment);
  return Object.fromEntries(
    properties.map(({ name, initializer }) => [
      ts.isStringLiteral(name) ? name.text : name.getText(),
      literalOf(initializer),
    ]),
  );
}
