/**
 * Verification as a product: runs operations on two devices over seeded cases and compares the
 * bits, without a tolerance.
 */
@NullMarked
package dev.selfsame.verify;

import org.jspecify.annotations.NullMarked;
