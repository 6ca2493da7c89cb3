/** From how small to how large a value can be. Infinity stands for what nobody knows. */
export interface Size {
  min: number;
  max: number;
}

export const unknownSize: Size = { min: 0, max: Number.POSITIVE_INFINITY };

export const fixed = (size: number): Size => ({ min: size, max: size });

/** Nothing times whatever is nothing. */
export const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

export const plus = (a: Size, b: Size): Size => ({ min: a.min + b.min, max: a.max + b.max });

export const multiplied = (a: Size, b: Size): Size => ({
  min: times(a.min, b.min),
  max: times(a.max, b.max),
});

export const union = (a: Size, b: Size): Size => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

/** What looking at all of a value costs at most: a tenth of a step for each part, unless told otherwise. */
export const traversal = ({ max }: Size, factor = 0.1): number => Math.ceil(max * factor);
