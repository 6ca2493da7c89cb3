import { hostileMessageCases } from '../../src/dns/testing/hostile-messages.cases.ts';

hostileMessageCases(1_000_000, Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31)));
