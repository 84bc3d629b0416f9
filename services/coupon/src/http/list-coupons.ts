import { z } from 'zod';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { findCoupons } from '../store/coupons.ts';
import type { Reader } from '../store/reader.ts';
import { couponShape, couponStatus, showCoupon } from './coupon-shape.ts';

export const listCoupons = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/coupons',
    caller: 'user',
    operationId: 'listCoupons',
    summary: "Lists the caller's coupons, newest first",
    query: z.strictObject({ ...listQuery, status: couponStatus.optional() }),
    answers: { 200: pageOf(couponShape) },
    problems: [],
    async handle({ caller, query }) {
      const coupons = await findCoupons(reader, { ...query, userId: caller.userId });
      return { status: 200, body: pageFrom(coupons, query.limit, ({ id }) => id, showCoupon) };
    },
  });
