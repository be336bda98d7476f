/**
 * The operations. Each class is one stem: public methods with the destination last, the checks, and
 * the scalar definition of the result.
 */
@NullMarked
package dev.selfsame.op;

import org.jspecify.annotations.NullMarked;
