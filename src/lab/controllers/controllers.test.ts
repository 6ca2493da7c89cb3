import { describe } from 'vitest';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { clusterCases } from './cluster.cases.ts';

describe('on the fake API', () => clusterCases(async () => new FakeClient()));
