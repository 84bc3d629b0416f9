import { z } from 'zod';
import { amountIn, name } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Reader } from '../store/reader.ts';
import { insertSource } from '../store/sources.ts';
import { showSource, sourceShape } from './source-shape.ts';

const QUANTITY_MAX = 1_000_000_000;

export const createCouponSource = (reader: Reader) =>
  defineRoute({
    method: 'POST',
    path: '/v1/coupon-sources',
    caller: 'admin',
    operationId: 'createCouponSource',
    summary: 'Opens a source of coupons',
    body: z
      .strictObject({
        name: name(15),
        discountAmount: amountIn(),
        quantity: z.int().min(1).max(QUANTITY_MAX),
      })
      .meta({ sentExample: { name: 'Welcome', discountAmount: '3.00', quantity: 100 } }),
    answers: { 201: sourceShape },
    problems: [],
    async handle({ body }) {
      return { status: 201, body: showSource(await insertSource(reader, body)) };
    },
  });
