/** What one rule of a policy gives one subject: kept in force as pods and blocks come and go, until it is revoked. */
import { anyPeer, type Direction, type PolicyNumber } from '../policy-state.ts';
import type { PortName } from './compiled-policy.ts';
import type { Identity } from './identity.ts';
import type { PortBlock } from './port-range.ts';
import type { RuleTable } from './rule-table.ts';

export interface Scope {
  subject: PolicyNumber;
  direction: Direction;
  rules: RuleTable;
}

/** The same ports with one peer. */
export class PeerGrant {
  readonly #scope: Scope;
  readonly #peer: PolicyNumber;
  readonly #ports: readonly PortBlock[];

  constructor(scope: Scope, peer: PolicyNumber, ports: readonly PortBlock[]) {
    this.#scope = scope;
    this.#peer = peer;
    this.#ports = ports;
  }

  static toAnyone(scope: Scope, ports: readonly PortBlock[]): PeerGrant {
    const grant = new PeerGrant(scope, anyPeer, ports);
    grant.issue();
    return grant;
  }

  issue(): void {
    const { subject, direction, rules } = this.#scope;
    for (const { protocol, port, portBits } of this.#ports)
      rules.add({ subject, direction, peer: this.#peer, protocol, port, portBits });
  }

  revoke(): void {
    const { subject, direction, rules } = this.#scope;
    for (const { protocol, port, portBits } of this.#ports)
      rules.remove({ subject, direction, peer: this.#peer, protocol, port, portBits });
  }
}

export interface GrantedPorts {
  ports: readonly PortBlock[];
  /** Looked up in each peer. */
  names: readonly PortName[];
}

/** Ports of all identities that a selection holds. */
export class PodGrant {
  readonly #scope: Scope;
  readonly #granted: GrantedPorts;

  constructor(scope: Scope, granted: GrantedPorts) {
    this.#scope = scope;
    this.#granted = granted;
  }

  /** Whether the identity is named by a rule. */
  gain(identity: Identity): boolean {
    return this.#each(identity, (grant) => grant.issue());
  }

  lose(identity: Identity): boolean {
    return this.#each(identity, (grant) => grant.revoke());
  }

  #each(identity: Identity, act: (grant: PeerGrant) => void): boolean {
    const ports = portsAt(identity, this.#granted);
    if (ports.length > 0) act(new PeerGrant(this.#scope, identity.number, ports));
    return ports.length > 0;
  }
}

function portsAt(identity: Identity, { ports, names }: GrantedPorts): readonly PortBlock[] {
  return names.length === 0 ? ports : [...ports, ...namedPortBlocks(identity, names)];
}

/** Ports of these names in a pod of the identity. */
export function namedPortBlocks(identity: Identity, names: readonly PortName[]): PortBlock[] {
  return names.flatMap((name) =>
    identity.portsNamed(name).map((port) => ({ protocol: name.protocol, port, portBits: 16 })),
  );
}
