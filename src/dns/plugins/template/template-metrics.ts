/** The metrics of `template`, under CoreDNS's names. */
import type { PluginContext, Query } from '../../plugin.ts';
import type { Value } from './go-functions.ts';

/** What a template sees of a query that it fits. */
export type TemplateData = Record<string, Value | ((label: Value) => Value)>;

export interface TemplateMetrics {
  matched(query: Query, data: TemplateData): void;
  /** The work's result. @throws what the work throws, counted */
  counting<T>(what: 'template' | 'rr', work: () => T, at: FailurePlace): T;
}

interface FailurePlace {
  query: Query;
  data: TemplateData;
  failing: { section: string; template: string };
}

export function templateMetrics({ metrics, view }: Pick<PluginContext, 'metrics' | 'view'>): TemplateMetrics {
  const counter = (what: string, help: string) =>
    metrics.counter({ name: `coredns_template_${what}_total`, help });
  const matches = counter('matches', 'Counter of template regex matches.');
  const failures = {
    template: counter('template_failures', 'Counter of go template failures.'),
    rr: counter('rr_failures', 'Counter of mis-templated RRs.'),
  };
  const labelsOf = ({ listener = '' }: Query, { Zone, Class, Type }: TemplateData) => ({
    server: listener,
    zone: Zone as string,
    view: view(),
    class: known(Class as string),
    type: known(Type as string),
  });
  return {
    matched: (query, data) => matches.inc(labelsOf(query, data)),
    counting: (what, work, { query, data, failing }) => {
      try {
        return work();
      } catch (error) {
        failures[what].inc({ ...labelsOf(query, data), ...failing });
        throw error;
      }
    },
  };
}

/** Empty for what has no name, as CoreDNS has it: clients choose the number, and each would be a time series. */
const known = (name: string): string => (/^(?:TYPE|CLASS)\d+$/.test(name) ? '' : name);
