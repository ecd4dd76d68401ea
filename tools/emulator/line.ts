import type { LineRecord } from '../../fake-rakuten';

/** A line of an emulator check. Its amounts, order and member follow from its number. */
export function emulatorLine(
  number: number,
  given: Required<Pick<LineRecord, 'sid'>> & LineRecord,
): LineRecord {
  return {
    is_event: 'N',
    advertiser_id: '39001',
    order_id: `ORDER-${Math.floor(number / 2)}`,
    offer_id: '727010',
    transaction_type: 'realtime',
    currency: 'USD',
    sale_amount: `${number}.10`,
    commissions: '0.30',
    quantity: '1',
    sku_number: `SKU-${number}`,
    u1: `member-${number}`,
    product_name: 'Größe & Farbe "blau"',
    ...given,
  };
}

/** ID of a line: 24 digits after what it is of. */
export const lineId = (kind: string, number: number): string =>
  `${kind}${String(number).padStart(24, '0')}`;
