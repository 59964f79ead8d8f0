// Registers: sixteen words of four bytes that the expressions of a rule hand values on in.

/** Number of a word, 0 to 15. A longer value takes the words that follow. */
export type Register = number;

// enum nft_registers, include/uapi/linux/netfilter/nf_tables.h: 0 is the verdict, 1 to 4 are four words each, and 8 to 23
// are the words. The kernel names a word that begins one of the four by the latter's number, so that is done here too.
const NFT_REG32_00 = 8;
const wordsPerRegister = 4;

export function encodeRegister(word: Register): number {
  return word % wordsPerRegister === 0 ? 1 + word / wordsPerRegister : NFT_REG32_00 + word;
}

export function decodeRegister(number: number | undefined): Register {
  if (number === undefined) return 0;
  return number < NFT_REG32_00 ? (number - 1) * wordsPerRegister : number - NFT_REG32_00;
}
