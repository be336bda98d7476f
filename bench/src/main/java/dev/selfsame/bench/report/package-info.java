/** Turns records of the paired benchmark into a page and pictures. */
package dev.selfsame.bench.report;
