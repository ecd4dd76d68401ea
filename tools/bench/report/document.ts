/** Writes a section's results between `<!-- bench:name -->` and `<!-- /bench:name -->`. */
export function withSection(document: string, name: string, content: string): string {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(
      `the document has no place for ${name}: it needs the lines ${start} and ${end}`,
    );
  return `${document.slice(0, from + start.length)}\n${content.trim()}\n${document.slice(to)}`;
}
