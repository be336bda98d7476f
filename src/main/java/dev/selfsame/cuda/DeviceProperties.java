package dev.selfsame.cuda;

/**
 * What a CUDA device says of itself.
 *
 * @param ordinal the device's number, from 0
 * @param name the device's name; softcuda names itself
 * @param uuid the device's UUID, as {@code GPU-xxxxxxxx-…}
 * @param major the compute capability's first number
 * @param minor the compute capability's second number
 * @param multiprocessors streaming multiprocessors
 * @param totalBytes device memory in bytes
 * @param l2Bytes second-level cache in bytes
 * @param clockKilohertz the typical clock; 0 where the driver doesn't say
 * @param maxThreadsPerBlock the largest block
 * @param maxSharedBytes shared memory that a block has without opting in
 * @param maxSharedOptInBytes shared memory that a block can have after opting in
 * @param memoryPools whether the device has stream-ordered memory pools
 * @param driverVersion the newest CUDA version that the driver knows, 1000 × major + 10 × minor
 */
public record DeviceProperties(
    int ordinal,
    String name,
    String uuid,
    int major,
    int minor,
    int multiprocessors,
    long totalBytes,
    long l2Bytes,
    int clockKilohertz,
    int maxThreadsPerBlock,
    int maxSharedBytes,
    int maxSharedOptInBytes,
    boolean memoryPools,
    int driverVersion) {

  /**
   * The compute capability as one number, such as 90 for 9.0.
   *
   * @return 10 × major + minor
   */
  public int computeCapability() {
    return 10 * major + minor;
  }
}
