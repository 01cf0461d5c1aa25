/** The topics of an edge node: Sparkplug 3.0 chapter 4. */
const namespace = "spBv1.0";

export type NodeMessage = "NBIRTH" | "NDEATH" | "NDATA" | "NCMD";
export type DeviceMessage = "DBIRTH" | "DDEATH" | "DDATA";

export interface Node {
  readonly group: string;
  readonly edge: string;
}

export function nodeTopic({ group, edge }: Node, message: NodeMessage): string {
  return `${namespace}/${group}/${message}/${edge}`;
}

export function deviceTopic(node: Node, message: DeviceMessage, device: string): string {
  return `${namespace}/${node.group}/${message}/${node.edge}/${device}`;
}

export function stateTopic(host: string): string {
  return `${namespace}/STATE/${host}`;
}
