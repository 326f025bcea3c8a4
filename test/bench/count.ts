import { InvalidArgumentError } from "commander";

/** How many of something an option asks for. Throws InvalidArgumentError unless it is a whole number from 1 on. */
export function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It must be a whole number from 1 on.");
}
