/** What every Bpf does: the kernel's and the fake's. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isError } from '../../util/errors.ts';
import type { Bpf, BpfMap, BpfObject } from './bpf.ts';

export interface BpfRig {
  bpf: Bpf;
  /** Directory of objects: pod.bpf.o has a hash `endpoints` with keys of 4 bytes and an array `node_config` of one. */
  objectsDirectory: string;
  /** Where pins may be made; nothing is there. */
  pinDirectory: string;
  close(): void;
}

const room = 8;

export function bpfCases(name: string, makeRig: () => BpfRig): void {
  describe(name, () => {
    let rig: BpfRig;
    let object: BpfObject;
    let map: BpfMap;
    const request = (endpoints = room) => ({
      path: join(rig.objectsDirectory, 'pod.bpf.o'),
      pinDirectory: rig.pinDirectory,
      mapSizes: { endpoints },
    });
    const load = (endpoints = room) => rig.bpf.load(request(endpoints));
    const value = (first: number) => new Uint8Array(map.valueSize).fill(first, 0, 1);
    const clear = () => {
      for (const [key] of [...map.entries()]) map.delete(key);
    };

    const begin = () => {
      object = load();
      map = object.map('endpoints');
    };
    const end = () => {
      object.close();
      rig.bpf.clear(rig.pinDirectory);
    };

    beforeAll(() => {
      rig = makeRig();
      begin();
    });
    afterAll(() => {
      end();
      rig.close();
    });

    it('has the sizes of the object, and the room that was asked for', () => {
      expect([map.name, map.keySize, map.maxEntries]).toEqual(['endpoints', 4, room]);
      expect(map.valueSize).toBeGreaterThan(16);
    });

    it('finds what was written, and nothing else', () => {
      clear();
      map.update(key(1), value(7));
      expect(map.lookup(key(1))![0]).toBe(7);
      expect(map.lookup(key(2))).toBeUndefined();
      map.update(key(1), value(8));
      expect(map.lookup(key(1))![0]).toBe(8);
    });

    it('does not change with bytes that the caller kept', () => {
      clear();
      const bytes = value(7);
      map.update(key(1), bytes);
      bytes[0] = 9;
      map.lookup(key(1))![0] = 9;
      expect(map.lookup(key(1))![0]).toBe(7);
    });

    it('tells whether there was something to delete', () => {
      clear();
      map.update(key(1), value(1));
      expect([map.delete(key(1)), map.delete(key(1))]).toEqual([true, false]);
    });

    it('holds to the flags of an update', () => {
      clear();
      expect(() => map.update(key(1), value(1), 'exist')).toThrow(/ENOENT|no such/i);
      map.update(key(1), value(1), 'noexist');
      expect(() => map.update(key(1), value(2), 'noexist')).toThrow(/EEXIST|exists/i);
      expect(map.lookup(key(1))![0]).toBe(1);
    });

    it('says by name that it is full, and still replaces', () => {
      clear();
      for (let i = 0; i < room; i++) map.update(key(i), value(i));
      const full = caught(() => map.update(key(room), value(1)));
      expect([isError(full, 'MAP_FULL'), String(full)]).toEqual([true, expect.stringContaining('endpoints')]);
      map.update(key(0), value(99));
      expect(map.lookup(key(0))![0]).toBe(99);
    });

    it('writes and deletes many at once', () => {
      clear();
      const keys = Buffer.concat([1, 2, 3].map(key));
      map.updateBatch(keys, Buffer.concat([4, 5, 6].map(value)), 3);
      expect([1, 2, 3].map((i) => map.lookup(key(i))![0])).toEqual([4, 5, 6]);
      map.deleteBatch(keys.subarray(0, 8), 2);
      expect([...map.entries()].map(([k, v]) => [k[0], v[0]])).toEqual([[3, 6]]);
    });

    it('deletes many where some are gone already', () => {
      clear();
      map.update(key(2), value(2));
      map.deleteBatch(Buffer.concat([1, 2, 3].map(key)), 3);
      expect([...map.entries()]).toEqual([]);
    });

    it('lists each entry once, and may be emptied on the way', () => {
      clear();
      for (let i = 0; i < room; i++) map.update(key(i), value(i));
      const seen: number[] = [];
      for (const [k] of map.entries()) {
        seen.push(k[0]!);
        map.delete(k);
      }
      expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect([...map.entries()]).toEqual([]);
    });

    it('has every element of an array from the start, and deletes none', () => {
      const array = object.map('node_config');
      expect(array.lookup(key(0))).toHaveLength(array.valueSize);
      expect(array.lookup(key(1))).toBeUndefined();
      expect(() => array.delete(key(0))).toThrow(/EINVAL|invalid/i);
    });

    it('another load takes the pinned map over with what it holds', () => {
      clear();
      map.update(key(5), value(5));
      using again = load();
      expect(again.map('endpoints').lookup(key(5))![0]).toBe(5);
      again.map('endpoints').update(key(6), value(6));
      expect(map.lookup(key(6))![0]).toBe(6);
    });

    it('tells what a load cannot take over, and pins another map in its place', () => {
      clear();
      map.update(key(5), value(5));
      const next = join(rig.pinDirectory, 'next');
      expect(rig.bpf.misfit(request())).toBeUndefined();
      expect(rig.bpf.misfit(request(room * 2))).toMatchObject({ map: 'endpoints' });
      expect(caught(() => load(room * 2))).toMatchObject({ code: 'BPF_LOAD' });
      {
        using before = rig.bpf.pinned(rig.pinDirectory);
        expect([...before.get('endpoints')!.map.entries()]).toEqual([[key(5), value(5)]]);
        expect([before.names.includes('node_config'), before.get('nothing')]).toEqual([true, undefined]);
      }
      expect(rig.bpf.pinned(next).names).toEqual([]);
      using larger = rig.bpf.load({ ...request(room * 2), pinDirectory: next });
      larger.map('endpoints').update(key(6), value(6));
      rig.bpf.movePin(join(next, 'endpoints'), join(rig.pinDirectory, 'endpoints'));
      rig.bpf.clear(next);
      expect(rig.bpf.misfit(request(room * 2))).toBeUndefined();
      using again = load(room * 2);
      expect([...again.map('endpoints').entries()]).toEqual([[key(6), value(6)]]);
      expect(map.lookup(key(5))![0]).toBe(5);
      // The others have the first map, whatever their order.
      end();
      begin();
    });

    it('names what an object lacks', () => {
      expect(() => object.map('nothing')).toThrow('nothing');
      expect(() => object.program('nothing')).toThrow('nothing');
      const missing = caught(() =>
        rig.bpf.load({ path: join(rig.objectsDirectory, 'nothing.bpf.o'), pinDirectory: rig.pinDirectory }),
      );
      expect(isError(missing, 'BPF_LOAD')).toBe(true);
    });

    it('tells that there was no link to detach', () => {
      expect(rig.bpf.detach(join(rig.pinDirectory, 'links', 'none'))).toBe(false);
    });
  });
}

function key(number: number): Uint8Array {
  return Uint8Array.of(number, 0, 0, 0);
}

function caught(use: () => unknown): unknown {
  try {
    use();
  } catch (error) {
    return error;
  }
  return undefined;
}
