import { writeFileSync } from 'node:fs';
import { describeApi, documentFile, documentText } from './api-document.ts';

writeFileSync(documentFile, documentText(await describeApi()));
