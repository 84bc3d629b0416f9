import { z } from 'zod';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Reader } from '../store/reader.ts';
import { findSources } from '../store/sources.ts';
import { showSource, sourceShape } from './source-shape.ts';

export const listCouponSources = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/coupon-sources',
    caller: 'anyone',
    operationId: 'listCouponSources',
    summary: 'Lists sources of coupons with what is left of each, by id',
    query: z.strictObject(listQuery),
    answers: { 200: pageOf(sourceShape) },
    problems: [],
    async handle({ query }) {
      const sources = await findSources(reader, query);
      return { status: 200, body: pageFrom(sources, query.limit, ({ id }) => id, showSource) };
    },
  });
