import type { Template } from './assembly';

/**
 * The template's resources in an order in which each comes after all that it names or depends on.
 */
export function creationOrder({ Resources }: Template): string[] {
  const order: string[] = [];
  const state = new Map<string, 'visiting' | 'done'>();
  const visit = (id: string, path: readonly string[]): void => {
    if (state.get(id) === 'done') return;
    if (state.get(id) === 'visiting')
      throw new Error(
        `the template's resources depend on each other in a circle: ${[...path, id].join(' → ')}`,
      );
    state.set(id, 'visiting');
    for (const needed of dependencies(Resources, id)) visit(needed, [...path, id]);
    state.set(id, 'done');
    order.push(id);
  };
  for (const id of Object.keys(Resources)) visit(id, []);
  return order;
}

function dependencies(resources: Template['Resources'], id: string): Set<string> {
  const found = new Set<string>([resources[id]?.DependsOn ?? []].flat());
  collectReferences(resources[id]?.Properties, found);
  return new Set([...found].filter((name) => Object.hasOwn(resources, name) && name !== id));
}

function collectReferences(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectReferences(item, found);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'Ref' && typeof inner === 'string') found.add(inner);
    if (key === 'Fn::GetAtt' && Array.isArray(inner)) found.add(String(inner[0]));
    if (key === 'Fn::Sub')
      for (const [, name = ''] of JSON.stringify(inner).matchAll(/\$\{([^!}.]+)/g)) found.add(name);
    collectReferences(inner, found);
  }
}
