/**
 * Studies: what theory says of shared and tied parameters, measured with the library's own kernels.
 * Each states a claim, measures it, and says whether the figures bear it out. The host only forms
 * ratios, slopes and spectra of what the kernels give, in double.
 */
@NullMarked
package dev.selfsame.study;

import org.jspecify.annotations.NullMarked;
