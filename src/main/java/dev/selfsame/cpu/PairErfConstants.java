package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.bits;

/**
 * The tables of {@link PairErfWide}: bits of floats, the first 16 and the last 16 entries in one
 * vector each. Entry j belongs to arguments of which j/8 is the nearest eighth. Its polynomial is
 * one of h = u − c; the point c, near j/8, is chosen among some 10⁵ floats so that erf(c) is at
 * most 2⁻³⁴ above a float and erf′(c) hardly differs from one (Gal &amp; Bachelis 1991, "An
 * accurate elementary mathematical library for the IEEE floating point standard", has the idea):
 * neither needs a second float then. Differences u − c are exact; c of the first piece is also
 * chosen for that, and its erf(c) is rounded down to a multiple of 2⁻²⁷. The other coefficients are
 * minimax fits in 140 bits, rounded one after the other, the later ones fitted to what the rounding
 * of the earlier left.
 */
final class PairErfConstants {
  /** Greatest argument of the last piece; erf rounds to 1 there. */
  static final float MAX = 0x1.f7fffep1f;

  /**
   * What the coefficient of h² lacks, so that a value is a lower bound. The roundings of q (half an
   * ulp below 1/2: 2⁻²⁶), of h² and of the product (half an ulp each, times q) make 1.5·2⁻²⁵·h² at
   * most, those in q's inner terms another 2⁻²⁷·h²; what the last step loses is left to the points.
   */
  static final float BELOW_2 = 0x1p-24f;

  // From a lower bound to an upper one: ABOVE + ABOVE_2·h².
  static final float ABOVE = 0x1.4p-34f;
  static final float ABOVE_2 = 0x1.1p-23f;

  /** The points c of the pieces. */
  static final int[] POINT =
      bits(
          0x1.e61cp-13f,
          0x1.027b7cp-3f,
          0x1.f7031p-3f,
          0x1.7cdd9p-2f,
          0x1.fb9988p-2f,
          0x1.3e39dp-1f,
          0x1.7a1464p-1f,
          0x1.be07c6p-1f,
          0x1.033862p0f,
          0x1.1f6cd2p0f,
          0x1.42816cp0f,
          0x1.6370e4p0f,
          0x1.7e9ac4p0f,
          0x1.9f83bp0f,
          0x1.c0b308p0f,
          0x1.df4152p0f,
          0x1.00696cp1f,
          0x1.1051fap1f,
          0x1.1fdf58p1f,
          0x1.308c1ep1f,
          0x1.4004f4p1f,
          0x1.4fd34cp1f,
          0x1.6003dap1f,
          0x1.6fe448p1f,
          0x1.7fdeaep1f,
          0x1.8fe31ep1f,
          0x1.9f883cp1f,
          0x1.afad4cp1f,
          0x1.c0ac1ep1f,
          0x1.cfd59ap1f,
          0x1.df38eap1f,
          0x1.ea92fap1f);

  /** erf(c), rounded down. */
  static final int[] ERF =
      bits(
          0x1.1242p-12f,
          0x1.221ff2p-3f,
          0x1.163076p-2f,
          0x1.9abd4p-2f,
          0x1.088efp-1f,
          0x1.3dbde8p-1f,
          0x1.6845b4p-1f,
          0x1.9068cep-1f,
          0x1.b21a52p-1f,
          0x1.c67ce6p-1f,
          0x1.d9b218p-1f,
          0x1.e69d3p-1f,
          0x1.ee4faap-1f,
          0x1.f4e282p-1f,
          0x1.f93fd6p-1f,
          0x1.fbd942p-1f,
          0x1.fda38ap-1f,
          0x1.fea828p-1f,
          0x1.ff3f58p-1f,
          0x1.ff9b9ap-1f,
          0x1.ffcab4p-1f,
          0x1.ffe4ep-1f,
          0x1.fff2d2p-1f,
          0x1.fff9b2p-1f,
          0x1.fffd16p-1f,
          0x1.fffeb2p-1f,
          0x1.ffff6cp-1f,
          0x1.ffffc2p-1f,
          0x1.ffffe8p-1f,
          0x1.fffff6p-1f,
          0x1.fffffcp-1f,
          0x1.fffffep-1f);

  /** The coefficient of h: erf′(c), rounded. */
  static final int[] SLOPE =
      bits(
          0x1.20dd74p0f,
          0x1.1c4cdp0f,
          0x1.0ff45ap0f,
          0x1.f716fp-1f,
          0x1.c3ddaep-1f,
          0x1.889a9cp-1f,
          0x1.4ee532p-1f,
          0x1.0e7af4p-1f,
          0x1.9e71a4p-2f,
          0x1.478fd8p-2f,
          0x1.d8a438p-3f,
          0x1.502ccep-3f,
          0x1.ef27c6p-4f,
          0x1.4ba6c6p-4f,
          0x1.ac3732p-5f,
          0x1.15d1e2p-5f,
          0x1.4e465cp-6f,
          0x1.901adp-7f,
          0x1.d62eb4p-8f,
          0x1.0148d8p-8f,
          0x1.1d4bdep-9f,
          0x1.2f1228p-10f,
          0x1.332df2p-11f,
          0x1.31cf5ep-12f,
          0x1.25d25cp-13f,
          0x1.111e2cp-14f,
          0x1.f57a34p-16f,
          0x1.b33ap-17f,
          0x1.5d424p-18f,
          0x1.2c37e8p-19f,
          0x1.ef424ap-21f,
          0x1.f9e0cp-22f);

  /** Of h², less BELOW_2. */
  static final int[] ERF_2 =
      bits(
          -0x1.125534p-12f,
          -0x1.1f0e94p-3f,
          -0x1.0b2e34p-2f,
          -0x1.763ccp-2f,
          -0x1.bffb88p-2f,
          -0x1.e808bap-2f,
          -0x1.ee991cp-2f,
          -0x1.d7427p-2f,
          -0x1.a3a844p-2f,
          -0x1.6fc584p-2f,
          -0x1.29b6c4p-2f,
          -0x1.d2c268p-3f,
          -0x1.720462p-3f,
          -0x1.0d2702p-3f,
          -0x1.774618p-4f,
          -0x1.040d5cp-4f,
          -0x1.4ed024p-5f,
          -0x1.a99cdcp-6f,
          -0x1.085c88p-6f,
          -0x1.3213d4p-7f,
          -0x1.64a55ap-8f,
          -0x1.8d94e8p-9f,
          -0x1.a667ccp-10f,
          -0x1.b780fap-11f,
          -0x1.b8a54cp-12f,
          -0x1.aac052p-13f,
          -0x1.973df4p-14f,
          -0x1.6f729ap-15f,
          -0x1.330f7p-16f,
          -0x1.11f9cap-17f,
          -0x1.d78d6ep-19f,
          -0x1.f4b5a4p-20f);

  /** Of h³. */
  static final int[] ERF_3 =
      bits(
          -0x1.8127p-2f,
          -0x1.6efd68p-2f,
          -0x1.3edb94p-2f,
          -0x1.e531dep-3f,
          -0x1.326668p-3f,
          -0x1.dc208ep-5f,
          0x1.439032p-6f,
          0x1.757d7p-4f,
          0x1.22493p-3f,
          0x1.4c2e6cp-3f,
          0x1.568712p-3f,
          0x1.3ffcbep-3f,
          0x1.1e2598p-3f,
          0x1.d7eebep-4f,
          0x1.6f2224p-4f,
          0x1.1641dep-4f,
          0x1.876c36p-5f,
          0x1.0c7cdcp-5f,
          0x1.652f3ap-6f,
          0x1.ba9cdcp-7f,
          0x1.117214p-7f,
          0x1.427084p-8f,
          0x1.699bb8p-9f,
          0x1.8b8dccp-10f,
          0x1.9ff17cp-11f,
          0x1.a58372p-12f,
          0x1.a38378p-13f,
          0x1.8a5e54p-14f,
          0x1.570caap-15f,
          0x1.3c021ep-16f,
          0x1.16edcep-17f,
          0x1.2b14bep-18f);

  /** Of h⁴. */
  static final int[] ERF_4 =
      bits(
          0x1.8221fep-14f,
          0x1.1c00f8p-4f,
          0x1.00756p-3f,
          0x1.53bdfcp-3f,
          0x1.769b0ap-3f,
          0x1.6a5268p-3f,
          0x1.3ac8a2p-3f,
          0x1.d1aab2p-4f,
          0x1.099bdep-4f,
          0x1.d588e6p-6f,
          -0x1.148a52p-7f,
          -0x1.0a3c78p-5f,
          -0x1.69f08ap-5f,
          -0x1.972752p-5f,
          -0x1.894d66p-5f,
          -0x1.5b8fc6p-5f,
          -0x1.1872d8p-5f,
          -0x1.ad5752p-6f,
          -0x1.398934p-6f,
          -0x1.a881d6p-7f,
          -0x1.1a63d2p-7f,
          -0x1.64b8a4p-8f,
          -0x1.aad5c8p-9f,
          -0x1.ef339cp-10f,
          -0x1.1322ccp-10f,
          -0x1.25ab64p-11f,
          -0x1.3294cep-12f,
          -0x1.2df1fcp-13f,
          -0x1.131144p-14f,
          -0x1.07a156p-15f,
          -0x1.e3a234p-17f,
          -0x1.0a1dfep-17f);

  /** Of h⁵. */
  static final int[] ERF_5 =
      bits(
          0x1.d14e5p-4f,
          0x1.a97b6ap-4f,
          0x1.4c16fap-4f,
          0x1.7bc5acp-5f,
          0x1.1c5b72p-7f,
          -0x1.b221b2p-6f,
          -0x1.a400e2p-5f,
          -0x1.11f532p-4f,
          -0x1.19c82p-4f,
          -0x1.f7b978p-5f,
          -0x1.780bcp-5f,
          -0x1.d93532p-6f,
          -0x1.fde23ap-7f,
          -0x1.3490c2p-9f,
          0x1.b9eefcp-8f,
          0x1.746cacp-7f,
          0x1.ac7a86p-7f,
          0x1.9865bcp-7f,
          0x1.5d2ec2p-7f,
          0x1.0eeff2p-7f,
          0x1.909deap-8f,
          0x1.1601bap-8f,
          0x1.698cb4p-9f,
          0x1.c31402p-10f,
          0x1.0ca842p-10f,
          0x1.30b4e8p-11f,
          0x1.50463ap-12f,
          0x1.5d801ep-13f,
          0x1.4fa2ep-14f,
          0x1.501d66p-15f,
          0x1.41c2aep-16f,
          0x1.63a216p-17f);

  /** Of h⁶. */
  static final int[] ERF_6 =
      bits(
          -0x1.e172cap-8f,
          -0x1.72f66p-6f,
          -0x1.582ap-5f,
          -0x1.a5876cp-5f,
          -0x1.a14c3cp-5f,
          -0x1.4379cep-5f,
          -0x1.b41862p-6f,
          -0x1.605e08p-7f,
          0x1.3353b4p-8f,
          0x1.08ed0ap-6f,
          0x1.62728p-6f,
          0x1.66fd3ap-6f,
          0x1.3950eep-6f,
          0x1.eee54p-7f,
          0x1.23319ep-7f,
          0x1.189d84p-8f,
          0x1.c72f3ap-12f,
          -0x1.d672eep-10f,
          -0x1.76693ep-9f,
          -0x1.a3ef0ep-9f,
          -0x1.6cb96ep-9f,
          -0x1.273138p-9f,
          -0x1.b25cfap-10f,
          -0x1.2a6494p-10f,
          -0x1.8659a6p-11f,
          -0x1.dad998p-12f,
          -0x1.149fa4p-12f,
          -0x1.3347a2p-13f,
          -0x1.48448ep-14f,
          -0x1.4c245ap-15f,
          -0x1.43eb68p-16f,
          -0x1.33ce08p-17f);

  private PairErfConstants() {}
}
