/**
 * Compute kernels for models that share parameters: the same bits from scalar Java, the Vector API
 * and CUDA.
 */
module dev.selfsame {
  requires jdk.incubator.vector;

  // Flight recorder events, where the run-time image has it.
  requires static jdk.jfr;

  // Null annotations: compile time only.
  requires static org.jspecify;

  // The command line only: optional dependencies.
  requires static info.picocli;
  requires static me.tongfei.progressbar;
  requires static xchart;
  requires static java.desktop;
  requires static jdk.management;
  requires static com.fasterxml.jackson.databind;

  // JCuda beside this library: optional, package dev.selfsame.jcuda only.
  requires static jcuda;
  requires static jcublas;

  // picocli sets the options of the commands.
  opens dev.selfsame.cli to
      info.picocli;

  exports dev.selfsame;
  exports dev.selfsame.contract;
  exports dev.selfsame.cuda;
  exports dev.selfsame.data;
  exports dev.selfsame.grad;
  exports dev.selfsame.io;
  exports dev.selfsame.jcuda;
  exports dev.selfsame.nn;
  exports dev.selfsame.op;
  exports dev.selfsame.optim;
  exports dev.selfsame.study;
  exports dev.selfsame.train;
  exports dev.selfsame.verify;
}
