import { hostileMessageCases } from '../testing/hostile-messages.cases.ts';

hostileMessageCases(5000, 1);
