/** Questions to nodes' agents. */
export interface Agents {
  /** What the agent of a node, or of the first one, answers at a path. */
  ask<Answer>(node: string | undefined, path: string): Promise<AgentAnswer<Answer>>;
  /** The same again and again, as fast as it answers, until the reader has enough. */
  follow<Answer>(node: string | undefined, path: string): AsyncGenerator<Answer>;
}

export interface AgentAnswer<Answer> {
  node: string;
  answer: Answer;
}
