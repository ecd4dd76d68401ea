/** A sale with all sixteen fields of usual length. Sizes, write units and costs are its. */
export const TYPICAL_LINE = {
  is_event: 'N',
  etransaction_id: '200452D101AAE862139D47BEBC3B8D79',
  sid: '3900112',
  advertiser_id: '41207',
  order_id: 'C-20260418-0007',
  offer_id: '881204',
  transaction_type: 'realtime',
  transaction_date: '2026-04-18T09:24:55.000+00:00',
  process_date: '2026-04-18T09:31:12.000+00:00',
  currency: 'USD',
  sale_amount: '129.90',
  commissions: '6.495',
  quantity: '1',
  sku_number: 'HDPH-210-BK',
  u1: 'm_58813_k4',
  product_name: 'Wireless headphones, black',
};
