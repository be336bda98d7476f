/**
 * Tensors, their devices and their lifetimes; and the house on one page.
 *
 * <p>Selfsame computes models that share or tie parameters, and gives the selfsame bits on every
 * device: scalar Java, the Vector API at any width and any number of threads, CUDA.
 *
 * <ul>
 *   <li>{@code dev.selfsame} (here): {@code Tensor}, {@code Shape}, {@code Device}, {@code Scope}.
 *   <li>{@code op}: the operations. Each is a stem with its public methods, its checks and its
 *       definition, a scalar loop that states the order of every rounding.
 *   <li>{@code cpu} and {@code cuda}: faster ways to the same bits. {@code cpu} takes memory
 *       segments, {@code cuda} is the driver; neither knows a tensor.
 *   <li>{@code contract}: what all of them share: chunk lengths, sum trees, elementary functions,
 *       random numbers.
 *   <li>{@code grad}, {@code nn}, {@code optim}: a small tape, layers and optimizers, all thin.
 *   <li>{@code data}, {@code io}: datasets; npy and safetensors files.
 *   <li>{@code verify}, {@code cli}: the comparer of bits and the command line.
 * </ul>
 *
 * <p>Uses run one way: {@code cli -> (verify, data, nn, optim) -> grad -> op -> dev.selfsame ->
 * (cpu, cuda) -> contract}.
 */
@NullMarked
package dev.selfsame;

import org.jspecify.annotations.NullMarked;
