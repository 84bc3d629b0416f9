import { openKit, standStill, tellStory, type Place } from './failpoint-story.test.ts';

/**
 * A program: runs a kit for each place, given as JSON, which stands still at its place's failpoint and writes that to
 * stdout. It is there to be killed, and ends with whoever started it.
 */
process.stdin.on('end', () => process.exit()).resume();
for (const place of JSON.parse(process.argv[2] ?? '[]') as Place[]) {
  const kit = openKit(
    place,
    standStill(place.point, () => process.stdout.write(`${place.point}\n`)),
  );
  void kit.start();
  void tellStory(kit, place).catch(() => undefined);
}
