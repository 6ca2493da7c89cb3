import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { remedyOf } from '../util/errors.ts';
import fc from '../util/testing/properties.ts';
import { encodeRecord, Journal, type JournalFile, parseJournal } from './journal.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-journal-'));
  path = join(directory, 'journal');
});
afterEach(() => rmSync(directory, { recursive: true }));

async function recordsOnDisk(): Promise<unknown[]> {
  const { journal, records } = await Journal.open({ path });
  await journal.close();
  return records;
}

it('gives back what was appended, in order', async () => {
  const { journal } = await Journal.open({ path });
  await Promise.all([1, 2, 3].map((n) => journal.append({ n })));
  await journal.close();
  expect(await recordsOnDisk()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

it('syncs records that wait for the disk together', async () => {
  let syncs = 0;
  const counting = async (at: string): Promise<JournalFile> => {
    const file = await open(at, 'a');
    const sync = file.datasync.bind(file);
    const datasync = () => {
      syncs++;
      return sync();
    };
    return Object.assign(file, { datasync });
  };
  const { journal } = await Journal.open({ path, openFile: counting });
  await Promise.all(Array.from({ length: 50 }, (_, n) => journal.append({ n })));
  await journal.close();
  expect(syncs).toBeLessThanOrEqual(2);
});

it('is rewritten in one step, with records that come meanwhile behind the snapshot', async () => {
  const { journal } = await Journal.open({ path });
  await journal.append({ n: 1 });
  await Promise.all([journal.rewrite(() => [{ n: 'snapshot' }]), journal.append({ n: 2 })]);
  await journal.append({ n: 3 });
  expect(journal.records).toBe(3);
  await journal.close();
  expect(await recordsOnDisk()).toEqual([{ n: 'snapshot' }, { n: 2 }, { n: 3 }]);
});

describe('after a kill', () => {
  it('forgets the torn last line, wherever it was torn', () => {
    const whole = encodeRecord({ a: 1 });
    fc.assert(
      fc.property(fc.nat(encodeRecord({ b: 2 }).length - 1), (kept) => {
        const bytes = Buffer.from(whole + encodeRecord({ b: 2 }).slice(0, kept));
        expect(parseJournal(bytes, path)).toEqual({ records: [{ a: 1 }], length: whole.length });
      }),
    );
  });

  it('goes on behind the last whole line', async () => {
    writeFileSync(path, `${encodeRecord({ a: 1 })}deadbeef {"b`);
    const { journal } = await Journal.open({ path });
    await journal.append({ c: 3 });
    await journal.close();
    expect(readFileSync(path, 'utf8')).toBe(encodeRecord({ a: 1 }) + encodeRecord({ c: 3 }));
  });
});

it('refuses a file that is damaged in the middle, naming the line', async () => {
  writeFileSync(
    path,
    `${encodeRecord({ a: 1 })}${encodeRecord({ b: 2 }).replace('b', 'x')}${encodeRecord({ c: 3 })}`,
  );
  await expect(Journal.open({ path })).rejects.toMatchObject({
    code: 'IPAM_STORE',
    message: `the address store ${path} is damaged at line 2`,
  });
});

it('leaves nothing of a record that did not fit on the disk, and goes on when there is room', async () => {
  let full = true;
  const failing = async (at: string): Promise<JournalFile> => {
    const file = await open(at, 'a');
    const appendFile = file.appendFile.bind(file);
    const partly = async (bytes: Buffer) => {
      if (!full) return appendFile(bytes);
      await appendFile(bytes.subarray(0, 5));
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    return Object.assign(file, { appendFile: partly as typeof file.appendFile });
  };
  const { journal } = await Journal.open({ path, openFile: failing });
  const error = await journal.append({ a: 1 }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'IPAM_STORE', message: `the address store ${path} cannot be written` });
  expect(remedyOf(error)).toBe(`free space on the file system of ${directory}`);
  expect(readFileSync(path, 'utf8')).toBe('');
  full = false;
  await journal.append({ b: 2 });
  await journal.close();
  expect(await recordsOnDisk()).toEqual([{ b: 2 }]);
});
