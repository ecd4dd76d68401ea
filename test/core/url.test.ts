import { fieldListId } from '../../core/rakuten/fields';
import { isSameEndpoint, maskUrl, postbackUrl } from '../../core/rakuten/url';

describe('the URL to register', () => {
  const fields = [
    { name: 'order', field: 'order_id' },
    { name: 'site', value: 'cash & back' },
    { name: 'a b', field: 'u1' },
  ] as const;

  it('has our secret and the field list first, then tokens with raw brackets, then static values escaped', () => {
    expect(postbackUrl('https://api.example/prod/postback', 's&1', fields)).toBe(
      `https://api.example/prod/postback?k=s%261&f=${fieldListId(fields)}&order=<order_id>&site=cash%20%26%20back&a%20b=<u1>`,
    );
  });

  it('has only what is ours where no field is asked for', () => {
    expect(postbackUrl('https://api.example/p', 'x', [])).toBe(`https://api.example/p?k=x&f=${fieldListId([])}`);
  });
});

describe('a URL that is shown', () => {
  it.each([
    ['https://t.example/in?key=secret&u=<u1>', 'https://t.example/in?key=***&u=<u1>'],
    ['https://t.example/in?token=<u1>x&e=', 'https://t.example/in?token=***&e='],
    ['https://t.example/in?x<u1>=x<u1>', 'https://t.example/in?x<u1>=***'],
    ['https://t.example/in?secret', 'https://t.example/in?***'],
    ['https://t.example/in?', 'https://t.example/in?'],
    ['https://t.example/in?a=1&&b=<u1>', 'https://t.example/in?a=***&&b=<u1>'],
    ['https://t.example/in?a=1=2', 'https://t.example/in?a=***'],
    ['https://user:pass@t.example/in', 'https://t.example/in'],
    ['HTTPS+x.y-1://user@t.example/in?a=b', 'HTTPS+x.y-1://t.example/in?a=***'],
    ['https://t.example/a@b', 'https://t.example/a@b'],
    ['https://t.example/in?a=1#secret', 'https://t.example/in?a=***'],
    ['https://t.example/in#secret?a=1', 'https://t.example/in'],
    ['test.com', 'test.com'],
    ['test.com?https://u:p@x=1', 'test.com?https://u:p@x=***'],
    ['', ''],
  ])('%s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });
});

describe('the same endpoint', () => {
  it.each([
    ['https://api.example/prod/postback?k=1&f=2', 'https://api.example/prod/postback', true],
    ['HTTP://API.example/prod/postback', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback//', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback/#x', 'https://api.example/prod/postback?y', true],
    ['api.example/prod/postback', 'https://api.example/prod/postback', true],
    ['https://api.example/prod/postback2', 'https://api.example/prod/postback', false],
    ['https://api.example/prod', 'https://api.example/prod/postback', false],
    ['https://api.example//prod/postback', 'https://api.example/prod/postback', false],
    ['https://other.example/http://api.example/prod', 'https://api.example/prod', false],
    ['ftp://api.example/prod', 'https://api.example/prod', false],
  ])('%s and %s: %s', (registered, ours, same) => {
    expect(isSameEndpoint(registered, ours)).toBe(same);
  });
});
