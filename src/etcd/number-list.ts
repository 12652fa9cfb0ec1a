const smallestRoom = 1024;

type NumberArray = Uint32Array | Float64Array;

/** A list of numbers that grows, without an object for each. */
export class NumberList<Numbers extends NumberArray> {
  readonly #create: (length: number) => Numbers;
  #numbers: Numbers;
  #length = 0;

  /** `create` makes the array that holds them. */
  constructor(create: (length: number) => Numbers) {
    this.#create = create;
    this.#numbers = create(smallestRoom);
  }

  get length(): number {
    return this.#length;
  }

  /** The number at `index`; 0 outside of the list. */
  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const numbers = this.#create(this.#length * 2);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }

  /** The index of the first number above `limit` in a list that does not descend; its length when there is none. */
  firstAbove(limit: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) > limit) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
