#!/usr/bin/env python3
"""Makes the golden files of the own kernels' tests: what LiteRT's reference kernels give for small models.

    make_kernel_goldens.py [OUT_FOLDER]      (default: kernels/ beside this script)

Needs ai-edge-litert and numpy. Each model is one operator with random parameters from SEED, built with the flatbuffer
schema that ai-edge-litert installs, and run by its reference kernels (BUILTIN_REF). A file holds the cases of a family:

    "OKG1", uint32 number of cases, then for each case
    name, model (a .tflite file; or empty), path of the model below the test data (or empty): uint32 length and bytes each
    uint32 number of inputs, each uint32 length and bytes; the same for the outputs

all little-endian. Whole nets of tests/data/reference are named by their path. ELU, CEIL, ROUND and BROADCAST_TO are not
here: the reference resolver lacks them.
"""

import os
import struct
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as S
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SEED = 20261
HERE = os.path.dirname(os.path.abspath(__file__))
TEST_DATA = os.path.dirname(HERE)

TYPES = {
    np.dtype(np.float32): S.TensorType.FLOAT32,
    np.dtype(np.float16): S.TensorType.FLOAT16,
    np.dtype(np.int8): S.TensorType.INT8,
    np.dtype(np.uint8): S.TensorType.UINT8,
    np.dtype(np.int16): S.TensorType.INT16,
    np.dtype(np.int32): S.TensorType.INT32,
    np.dtype(np.int64): S.TensorType.INT64,
    np.dtype(np.bool_): S.TensorType.BOOL,
}
ACTIVATION = S.ActivationFunctionType


class Tensor:
  """An operand: an input (`range` of its random values), a constant (`data`) or an output (neither)."""

  def __init__(self, dtype, shape=(), scale=None, zero_point=0, data=None, range=None, axis=0):
    self.dtype = np.dtype(dtype)
    self.data = None if data is None else np.asarray(data, dtype)
    self.shape = tuple(shape) if self.data is None else self.data.shape
    self.scale = None if scale is None else np.atleast_1d(np.asarray(scale, np.float32))
    self.zero_point = zero_point
    self.range = range
    self.axis = axis


def const(dtype, data, scale=None, zero_point=0, axis=0):
  return Tensor(dtype, data=data, scale=scale, zero_point=zero_point, axis=axis)


def build(op, options, inputs, outputs):
  """The bytes of a model of one operator. None among `inputs`: left out."""
  model = S.ModelT()
  model.version = 3
  code = S.OperatorCodeT()
  code.builtinCode = getattr(S.BuiltinOperator, op)
  code.deprecatedBuiltinCode = min(code.builtinCode, 127)
  code.version = 1
  model.operatorCodes = [code]
  model.buffers = [S.BufferT()]
  graph = S.SubGraphT()
  graph.tensors, graph.inputs, graph.outputs = [], [], []

  def add(tensor):
    table = S.TensorT()
    table.name = f't{len(graph.tensors)}'.encode()
    table.shape = list(tensor.shape)
    table.type = TYPES[tensor.dtype]
    table.buffer = 0
    if tensor.scale is not None:
      table.quantization = S.QuantizationParametersT()
      table.quantization.scale = tensor.scale
      table.quantization.zeroPoint = np.full(len(tensor.scale), tensor.zero_point, np.int64)
      table.quantization.quantizedDimension = tensor.axis
    if tensor.data is not None:
      buffer = S.BufferT()
      buffer.data = np.frombuffer(tensor.data.tobytes(), np.uint8)
      table.buffer = len(model.buffers)
      model.buffers.append(buffer)
    graph.tensors.append(table)
    return len(graph.tensors) - 1

  operator = S.OperatorT()
  operator.opcodeIndex = 0
  operator.inputs = [-1 if tensor is None else add(tensor) for tensor in inputs]
  operator.outputs = [add(tensor) for tensor in outputs]
  if options is not None:
    name = type(options).__name__[:-1]
    operator.builtinOptionsType = getattr(S.BuiltinOptions, name)
    operator.builtinOptions = options
  graph.operators = [operator]
  graph.inputs = [i for i, t in zip(operator.inputs, inputs) if i >= 0 and t.data is None]
  graph.outputs = list(operator.outputs)
  model.subgraphs = [graph]
  builder = flatbuffers.Builder(1024)
  builder.Finish(model.Pack(builder), b'TFL3')
  return bytes(builder.Output())


def random_values(rng, dtype, shape, limits):
  if dtype == np.float32:
    low, high = limits or (-4, 4)
    return rng.uniform(low, high, shape).astype(np.float32)
  if dtype == np.bool_:
    return rng.integers(0, 2, shape).astype(np.bool_)
  info = np.iinfo(dtype)
  low, high = limits or ((info.min, info.max) if info.bits <= 16 else (-100, 100))
  values = rng.integers(low, high + 1, shape).astype(dtype)
  if limits is None and info.bits <= 16 and values.size > 2:
    values.flat[0], values.flat[1] = info.min, info.max
  return values


def run(content, values, resolver=OpResolverType.BUILTIN_REF):
  interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
  interpreter.allocate_tensors()
  for detail, value in zip(interpreter.get_input_details(), values):
    interpreter.set_tensor(detail['index'], value)
  interpreter.invoke()
  return [interpreter.get_tensor(d['index']) for d in interpreter.get_output_details()]


class Goldens:
  def __init__(self):
    self.families = {}

  def add(self, family, name, op, options, inputs, outputs, resolver=OpResolverType.BUILTIN_REF):
    """Runs the operator on random inputs. The shapes of `outputs` are those that LiteRT infers."""
    rng = np.random.default_rng([SEED, len(self.families.get(family, [])), len(family)])
    live = [t for t in inputs if t is not None and t.data is None]
    values = [random_values(rng, t.dtype, t.shape, t.range) for t in live]
    try:
      results = run(build(op, options, inputs, outputs), values, resolver)
    except (RuntimeError, ValueError) as error:
      raise SystemExit(f'{family}/{name}: {error}') from error
    for tensor, result in zip(outputs, results):
      tensor.shape = result.shape
    content = build(op, options, inputs, outputs)
    self.families.setdefault(family, []).append((name, content, b'', values, results))

  def add_net(self, family, path, values):
    with open(os.path.join(TEST_DATA, path), 'rb') as file:
      results = run(file.read(), values)
    self.families.setdefault(family, []).append((path, b'', path.encode(), values, results))

  def write(self, folder):
    os.makedirs(folder, exist_ok=True)
    for family, cases in self.families.items():
      out = bytearray(b'OKG1' + struct.pack('<I', len(cases)))
      field = lambda b: struct.pack('<I', len(b)) + b
      for name, content, path, values, results in cases:
        out += field(name.encode()) + field(content) + field(path)
        for arrays in (values, results):
          out += struct.pack('<I', len(arrays)) + b''.join(field(a.tobytes()) for a in arrays)
      with open(os.path.join(folder, family + '.golden'), 'wb') as file:
        file.write(out)
      print(f'{family}: {len(cases)} cases, {len(out)} bytes')


# Parameters of quantized operators


def codes(rng, dtype, shape, limit=127):
  return rng.integers(-limit, limit + 1, shape).astype(dtype)


def act(dtype, shape, rng, scale=None):
  """An input of `dtype`; quantized types get a random scale and zero point."""
  if dtype == np.float32:
    return Tensor(dtype, shape)
  return Tensor(dtype, shape, scale or rng.uniform(0.01, 0.1),
                0 if dtype == np.int16 else int(rng.integers(-20, 20)))


def out(dtype, rng, scale=None):
  return act(dtype, (), rng, scale)


FORMS = {  # name: activations, bias
    'float': (np.float32, np.float32),
    'int8': (np.int8, np.int32),
    'int16': (np.int16, np.int64),
    'int16b32': (np.int16, np.int32),
    'hybrid': (np.float32, np.float32),
}


def weights_and_bias(rng, form, shape, channels, axis, per_channel, input_scale, has_bias=True):
  """Constant weights and bias of one of FORMS."""
  bias_type = FORMS[form][1]
  if form == 'float':
    weights = const(np.float32, rng.normal(0, 0.5, shape))
    return weights, const(np.float32, rng.normal(0, 1, channels)) if has_bias else None
  scale = rng.uniform(0.002, 0.02, channels if per_channel else 1).astype(np.float32)
  weights = const(np.int8, codes(rng, np.int8, shape), scale, 0, axis)
  if not has_bias:
    return weights, None
  if form == 'hybrid':
    return weights, const(np.float32, rng.normal(0, 1, channels))
  bias = rng.integers(-3000, 3000, channels)
  return weights, const(bias_type, bias, scale * np.float32(input_scale), 0, 0)


def output_scale(form, depth):
  """So that sums of `depth` products meet the whole range, and its ends now and then."""
  if form == 'int8':
    return 0.03 * 0.01 * 74 * 74 * np.sqrt(depth) / 60
  return 0.001 * 0.01 * 18900 * 74 * np.sqrt(depth) / 14000


def weighted(rng, form, shape, wshape, channels, axis, per_channel, depth, has_bias=True):
  dtype = FORMS[form][0]
  is_float = dtype == np.float32
  scale = {np.int8: 0.03, np.int16: 0.001}.get(dtype)
  x = Tensor(dtype, shape) if is_float else Tensor(dtype, shape, scale,
                                                  int(rng.integers(-30, 30)) if form == 'int8' else 0)
  w, b = weights_and_bias(rng, form, wshape, channels, axis, per_channel, scale, has_bias)
  y = Tensor(dtype, ()) if is_float else Tensor(dtype, (), output_scale(form, depth),
                                                int(rng.integers(-30, 30)) if form == 'int8' else 0)
  return x, w, b, y


def conv_options(cls, padding, stride, activation, dilation=(1, 1), form=None):
  options = cls()
  options.padding = padding
  options.strideH, options.strideW = stride
  options.fusedActivationFunction = activation
  options.dilationHFactor, options.dilationWFactor = dilation
  if form == 'int16b32':
    options.quantizedBiasType = S.TensorType.INT32
  return options


def add_convolutions(g):
  SAME, VALID = S.Padding.SAME, S.Padding.VALID
  settings = [  # image, filter, in, out, padding, stride, dilation, activation, per channel, groups
      ((5, 6), (3, 3), 4, 6, SAME, (1, 1), (1, 1), ACTIVATION.NONE, True, 1),
      ((6, 5), (3, 2), 3, 17, VALID, (2, 1), (1, 1), ACTIVATION.RELU, True, 1),
      ((7, 7), (3, 3), 5, 4, SAME, (2, 2), (1, 1), ACTIVATION.RELU6, False, 1),
      ((8, 9), (3, 3), 2, 3, SAME, (1, 1), (2, 2), ACTIVATION.NONE, True, 1),
      ((4, 4), (1, 1), 24, 20, SAME, (1, 1), (1, 1), ACTIVATION.RELU_N1_TO_1, True, 1),
      ((5, 5), (3, 3), 6, 8, SAME, (1, 1), (1, 1), ACTIVATION.NONE, True, 2),
      ((3, 3), (1, 1), 500, 3, VALID, (1, 1), (1, 1), ACTIVATION.NONE, True, 1),
  ]
  rng = np.random.default_rng(SEED)
  for form in FORMS:
    for i, (image, filt, cin, cout, pad, stride, dil, activation, per_channel, groups) in enumerate(settings):
      depth = filt[0] * filt[1] * cin // groups
      x, w, b, y = weighted(rng, form, (2,) + image + (cin,), (cout,) + filt + (cin // groups,), cout, 0,
                            per_channel, depth)
      g.add('conv_2d', f'{form}/{i}', 'CONV_2D',
            conv_options(S.Conv2DOptionsT, pad, stride, activation, dil, form), [x, w, b], [y])
    if form == 'int16b32':
      continue  # DEPTHWISE_CONV_2D has no 32-bit bias
    for i, (image, filt, cin, mult, pad, stride, dil, activation) in enumerate([
        ((5, 6), (3, 3), 20, 1, SAME, (1, 1), (1, 1), ACTIVATION.RELU6),
        ((7, 5), (3, 2), 5, 1, VALID, (2, 2), (1, 1), ACTIVATION.NONE),
        ((6, 6), (5, 5), 3, 3, SAME, (1, 2), (1, 1), ACTIVATION.RELU),
        ((9, 8), (3, 3), 33, 1, SAME, (1, 1), (2, 1), ACTIVATION.NONE),
    ]):
      options = conv_options(S.DepthwiseConv2DOptionsT, pad, stride, activation, dil)
      options.depthMultiplier = mult
      x, w, b, y = weighted(rng, form, (2,) + image + (cin,), (1,) + filt + (cin * mult,), cin * mult, 3, True,
                            filt[0] * filt[1])
      g.add('depthwise_conv_2d', f'{form}/{i}', 'DEPTHWISE_CONV_2D', options, [x, w, b], [y])
  for form in FORMS:
    for i, (image, filt, cin, cout, pad, stride, has_bias) in enumerate([
        ((3, 4), (2, 2), 5, 3, SAME, (2, 2), True),
        ((4, 3), (3, 3), 4, 1, SAME, (2, 2), True),
        ((3, 3), (4, 3), 2, 6, VALID, (1, 2), False),
        ((4, 4), (3, 3), 7, 18, SAME, (1, 1), True),
    ]):
      sizes = [s * t if pad == SAME else s * t + max(f - t, 0) for s, t, f in zip(image, stride, filt)]
      x, w, b, y = weighted(rng, form, (1,) + image + (cin,), (cout,) + filt + (cin,), cout, 0, cout > 1,
                            filt[0] * filt[1] * cin, has_bias)
      options = S.TransposeConvOptionsT()
      options.padding = pad
      options.strideH, options.strideW = stride
      if form == 'int16b32':
        options.quantizedBiasType = S.TensorType.INT32
      inputs = [const(np.int32, [1] + sizes + [cout]), w, x] + ([b] if has_bias else [])
      g.add('transpose_conv', f'{form}/{i}', 'TRANSPOSE_CONV', options, inputs, [y])
  for form in FORMS:
    for i, (rows, depth, units, per_channel, activation, asymmetric) in enumerate([
        (1, 33, 10, True, ACTIVATION.NONE, False),
        (3, 64, 17, True, ACTIVATION.RELU, True),
        (2, 1000, 4, False, ACTIVATION.RELU6, False),
        (5, 7, 1, False, ACTIVATION.NONE, True),
    ]):
      options = S.FullyConnectedOptionsT()
      options.fusedActivationFunction = activation
      options.asymmetricQuantizeInputs = asymmetric
      if form == 'int16b32':
        options.quantizedBiasType = S.TensorType.INT32
      x, w, b, y = weighted(rng, form, (rows, depth), (units, depth), units, 0, per_channel, depth, i != 3)
      g.add('fully_connected', f'{form}/{i}', 'FULLY_CONNECTED', options, [x, w, b], [y])


def add_batch_matmul(g):
  rng = np.random.default_rng(SEED + 1)
  for i, (left, right, adj_x, adj_y) in enumerate([
      ((2, 3, 5), (2, 5, 4), False, False),
      ((2, 5, 3), (5, 4), True, False),
      ((1, 2, 3, 6), (2, 1, 4, 6), False, True),
  ]):
    options = S.BatchMatMulOptionsT()
    options.adjX, options.adjY = adj_x, adj_y
    for dtype in (np.float32, np.int8, np.int16):
      scale = {np.int8: (0.05, 0.9), np.int16: (0.0005, 3.0)}.get(dtype, (None, None))
      g.add('batch_matmul', f'{np.dtype(dtype)}/{i}', 'BATCH_MATMUL', options,
            [act(dtype, left, rng, scale[0]), act(dtype, right, rng, scale[0])], [out(dtype, rng, scale[1])])


def add_arithmetic(g):
  rng = np.random.default_rng(SEED + 2)
  shapes = [((2, 3, 4, 5), (2, 3, 4, 5)), ((2, 3, 4, 5), (5,)), ((4, 1, 3), (1, 6, 1)), ((3, 4), ())]
  for op, cls in (('ADD', S.AddOptionsT), ('SUB', S.SubOptionsT), ('MUL', S.MulOptionsT)):
    for dtype in (np.float32, np.int8, np.int16, np.int32):
      for i, (left, right) in enumerate(shapes):
        options = cls()
        options.fusedActivationFunction = (ACTIVATION.NONE, ACTIVATION.RELU, ACTIVATION.RELU6,
                                           ACTIVATION.RELU_N1_TO_1)[i]
        if op != 'MUL':
          options.potScaleInt16 = False
        if dtype == np.int32:
          inputs, outputs = [Tensor(dtype, left), Tensor(dtype, right)], [Tensor(dtype)]
        else:
          scales = {np.float32: (None,) * 3, np.int8: (0.04, 0.07, 0.09 if op != 'MUL' else 0.3),
                    np.int16: (0.0004, 0.0007, 0.0009 if op != 'MUL' else 0.02)}[dtype]
          inputs = [act(dtype, left, rng, scales[0]), act(dtype, right, rng, scales[1])]
          outputs = [out(dtype, rng, scales[2])]
        g.add('arithmetic', f'{op}/{np.dtype(dtype)}/{i}', op, options, inputs, outputs)
  for op, cls in (('ADD', S.AddOptionsT), ('SUB', S.SubOptionsT)):
    options = cls()
    options.potScaleInt16 = True
    g.add('arithmetic', f'{op}/int16/powers of two', op, options,
          [Tensor(np.int16, (3, 40), 2**-12), Tensor(np.int16, (3, 40), 2**-10)], [Tensor(np.int16, (), 2**-10)])
  for dtype in (np.float32, np.int8, np.int16):
    options = S.DivOptionsT()
    scales = {np.float32: (None,) * 3, np.int8: (0.04, 0.07, 0.02), np.int16: (0.0004, 0.0007, 0.01)}[dtype]
    x = act(dtype, (4, 30), rng, scales[0])
    y = act(dtype, (30,), rng, scales[1])
    y.range, y.zero_point = (1, 60), 0
    g.add('arithmetic', f'DIV/{np.dtype(dtype)}', 'DIV', options, [x, y], [out(dtype, rng, scales[2])])
  for op in ('MAXIMUM', 'MINIMUM'):
    for dtype in (np.float32, np.int8, np.int16, np.int32):
      scale = None if dtype in (np.float32, np.int32) else 0.05
      g.add('arithmetic', f'{op}/{np.dtype(dtype)}', op, S.MaximumMinimumOptionsT(),
            [Tensor(dtype, (3, 4, 5), scale), Tensor(dtype, (4, 1), scale)], [Tensor(dtype, (), scale)])
  for dtype in (np.float32, np.int8, np.int32):
    scales = (0.04, 0.07, 0.6) if dtype == np.int8 else (None,) * 3
    make = (lambda s, shape=(): act(dtype, shape, rng, s)) if dtype == np.int8 else (
        lambda s, shape=(): Tensor(dtype, shape))
    g.add('arithmetic', f'SQUARED_DIFFERENCE/{np.dtype(dtype)}', 'SQUARED_DIFFERENCE',
          S.SquaredDifferenceOptionsT(), [make(scales[0], (5, 30)), make(scales[1], (30,))], [make(scales[2])])
  for op in ('EQUAL', 'NOT_EQUAL', 'LESS', 'LESS_EQUAL', 'GREATER', 'GREATER_EQUAL'):
    for dtype in (np.float32, np.int8, np.int32):
      scale = {np.int8: (0.05, 0.06)}.get(dtype, (None, None))
      limits = (-3, 3) if dtype != np.float32 else (0, 1)
      zero_point = 1 if dtype == np.int8 else 0
      g.add('arithmetic', f'{op}/{np.dtype(dtype)}', op, None,
            [Tensor(dtype, (4, 30), scale[0], zero_point, range=limits),
             Tensor(dtype, (30,), scale[1], 0, range=limits)], [Tensor(np.bool_)])


def add_unary(g):
  rng = np.random.default_rng(SEED + 3)
  shape = (2, 3, 60)

  def unary(op, dtype, options=None, in_scale=None, out_scale=None, out_zero=None, limits=None, in_zero=None,
            note=''):
    x = act(dtype, shape, rng, in_scale)
    x.range = limits
    y = out(dtype, rng, out_scale)
    if in_zero is not None:
      x.zero_point = in_zero
    if out_zero is not None:
      y.zero_point = out_zero
    g.add('unary', f'{op}/{np.dtype(dtype)}{note}', op, options, [x], [y])

  for op in ('RELU', 'RELU6', 'RELU_N1_TO_1', 'EXP', 'NEG', 'ABS', 'SQUARE', 'HARD_SWISH', 'LOGISTIC', 'TANH', 'SIN',
             'COS', 'FLOOR'):
    unary(op, np.float32)
  for op in ('SQRT', 'RSQRT', 'LOG'):
    unary(op, np.float32, limits=(0.1, 9))
  for op in ('RELU', 'RELU6', 'RELU_N1_TO_1', 'ABS', 'HARD_SWISH'):
    unary(op, np.int8, in_scale=0.05, out_scale=0.06 if op != 'RELU_N1_TO_1' else 0.02)
  unary('HARD_SWISH', np.int8, in_scale=0.3, out_scale=0.31, note=' wide')
  unary('HARD_SWISH', np.int8, in_scale=0.003, out_scale=0.004, note=' narrow')
  for op in ('RELU', 'RELU6', 'ABS'):
    unary(op, np.int16, in_scale=0.0005, out_scale=0.0006)
  for alpha in (0.1, 0.9, -0.3):
    options = S.LeakyReluOptionsT()
    options.alpha = alpha
    unary('LEAKY_RELU', np.float32, options, note=f' {alpha}')
    if alpha > 0:
      unary('LEAKY_RELU', np.int8, options, 0.05, 0.06, note=f' {alpha}')
      unary('LEAKY_RELU', np.int16, options, 0.0005, 0.0006, note=f' {alpha}')
  for approximate in (False, True):
    options = S.GeluOptionsT()
    options.approximate = approximate
    unary('GELU', np.float32, options, note=f' {approximate}')
    unary('GELU', np.int8, options, 0.04, 0.03, note=f' {approximate}')
    unary('GELU', np.int16, options, 0.0002, 0.0002, note=f' {approximate}')
  unary('LOGISTIC', np.int8, in_scale=0.08, out_scale=1 / 256, out_zero=-128)
  unary('TANH', np.int8, in_scale=0.04, out_scale=1 / 128, out_zero=0)
  for scale in (0.0001, 0.0005, 2**-12, 2**-11, 0.003, 0.05):
    unary('LOGISTIC', np.int16, in_scale=scale, out_scale=1 / 32768, note=f' {scale}')
    unary('TANH', np.int16, in_scale=scale, out_scale=1 / 32768, note=f' {scale}')
  unary('EXP', np.int8, in_scale=0.03, out_scale=0.1)
  unary('EXP', np.int16, in_scale=0.0001, out_scale=0.001)
  unary('LOG', np.int8, in_scale=0.03, out_scale=0.05)
  unary('LOG', np.int16, in_scale=0.0003, out_scale=0.0002)
  unary('SQRT', np.int8, in_scale=0.03, out_scale=0.02, in_zero=-128, limits=(-128, 127))
  unary('SQRT', np.int16, in_scale=0.0003, out_scale=0.0002, limits=(0, 32767))
  unary('RSQRT', np.int8, in_scale=0.03, out_scale=0.05, in_zero=-128, limits=(-128, 127))
  unary('RSQRT', np.int16, in_scale=0.0003, out_scale=0.002, limits=(0, 32767))
  for dtype in (np.float32, np.int8):
    alpha = (const(np.float32, rng.uniform(-0.5, 1, (1, 1, 60))) if dtype == np.float32 else
             const(np.int8, codes(rng, np.int8, (1, 1, 60)), 0.007, 3))
    g.add('unary', f'PRELU/{np.dtype(dtype)}', 'PRELU', None, [act(dtype, shape, rng, 0.05), alpha],
          [out(dtype, rng, 0.06)])
  for depth in (2, 10, 100):
    for beta, scale in ((1.0, 0.1), (0.5, 0.02), (1.0, 0.9)):
      options = S.SoftmaxOptionsT()
      options.beta = beta
      name = f'{depth} {beta} {scale}'
      g.add('normalization', f'SOFTMAX/float/{name}', 'SOFTMAX', options, [Tensor(np.float32, (3, depth))],
            [Tensor(np.float32)])
      g.add('normalization', f'SOFTMAX/int8/{name}', 'SOFTMAX', options,
            [Tensor(np.int8, (6, depth), scale, 5)], [Tensor(np.int8, (), 1 / 256, -128)])
      g.add('normalization', f'SOFTMAX/int16/{name}', 'SOFTMAX', options,
            [Tensor(np.int16, (6, depth), scale / 200)], [Tensor(np.int16, (), 1 / 32768)])
    for scale in (0.1, 0.02, 0.9):
      g.add('normalization', f'LOG_SOFTMAX/int8/{depth} {scale}', 'LOG_SOFTMAX', S.LogSoftmaxOptionsT(),
            [Tensor(np.int8, (6, depth), scale, 5)], [Tensor(np.int8, (), 1 / 16, 127)])
    g.add('normalization', f'LOG_SOFTMAX/float/{depth}', 'LOG_SOFTMAX', S.LogSoftmaxOptionsT(),
          [Tensor(np.float32, (3, depth))], [Tensor(np.float32)])
    g.add('normalization', f'L2_NORMALIZATION/float/{depth}', 'L2_NORMALIZATION', S.L2NormOptionsT(),
          [Tensor(np.float32, (1, 2, 3, depth))], [Tensor(np.float32)])
    g.add('normalization', f'L2_NORMALIZATION/int8/{depth}', 'L2_NORMALIZATION', S.L2NormOptionsT(),
          [Tensor(np.int8, (1, 2, 3, depth), 0.05, 7)], [Tensor(np.int8, (), 1 / 128, 0)])


def add_reductions(g):
  for op in ('MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN'):
    for dtype in (np.float32, np.int8, np.int16, np.int32):
      for axes, keep in (((1, 2), True), ((1, 2), False), ((-1,), False), ((0, 3), True), ((0, 1, 2, 3), False)):
        options = S.ReducerOptionsT()
        options.keepDims = keep
        if dtype in (np.float32, np.int32):
          x, y = Tensor(dtype, (2, 5, 7, 6)), Tensor(dtype)
        else:
          scale = 0.05 if dtype == np.int8 else 0.0005
          zero_point = 9 if dtype == np.int8 else 0
          factor = {'MEAN': 0.2, 'SUM': 20}.get(op, 1)
          x = Tensor(dtype, (2, 5, 7, 6), scale, zero_point)
          y = Tensor(dtype, (), scale * factor, zero_point if op.startswith('REDUCE') else -zero_point)
        # The reference kernel of SUM takes signed codes for unsigned ones; the optimized one does not.
        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if op == 'SUM' else OpResolverType.BUILTIN_REF
        g.add('reduce', f'{op}/{np.dtype(dtype)}/{axes} {keep}', op, options, [x, const(np.int32, axes)], [y], resolver)
  for op in ('AVERAGE_POOL_2D', 'MAX_POOL_2D'):
    for dtype in (np.float32, np.int8, np.int16):
      for i, (padding, stride, size) in enumerate((((S.Padding.SAME), (2, 2), (3, 3)), (S.Padding.VALID, (1, 2), (2, 3)),
                                                   (S.Padding.SAME, (1, 1), (4, 2)))):
        options = S.Pool2DOptionsT()
        options.padding = padding
        options.strideH, options.strideW = stride
        options.filterHeight, options.filterWidth = size
        options.fusedActivationFunction = ACTIVATION.RELU if i == 1 else ACTIVATION.NONE
        scale = {np.int8: 0.05, np.int16: 0.0005}.get(dtype)
        zero_point = 4 if dtype == np.int8 else 0
        g.add('reduce', f'{op}/{np.dtype(dtype)}/{i}', op, options,
              [Tensor(dtype, (2, 6, 7, 5), scale, zero_point)], [Tensor(dtype, (), scale, zero_point)])
  for op, cls in (('ARG_MAX', S.ArgMaxOptionsT), ('ARG_MIN', S.ArgMinOptionsT)):
    for dtype in (np.float32, np.int8, np.int32):
      for axis, to in ((1, np.int32), (-1, np.int64)):
        options = cls()
        options.outputType = TYPES[np.dtype(to)]
        g.add('reduce', f'{op}/{np.dtype(dtype)}/{axis}', op, options,
              [Tensor(dtype, (3, 4, 9), 0.1 if dtype == np.int8 else None), const(np.int32, [axis])], [Tensor(to)])


def add_movers(g):
  def move(op, options, shape, others=(), name='', first=0, count=1, dtypes=(np.float32, np.int8, np.int16, np.int32)):
    for dtype in dtypes:
      scale = {np.int8: 0.05, np.int16: 0.0005}.get(dtype)
      make = lambda s: Tensor(dtype, s, scale, 3 if dtype == np.int8 else 0)
      inputs = list(others[:first]) + [make(shape)] + list(others[first:])
      g.add('movers', f'{op}/{np.dtype(dtype)}/{name}', op, options, inputs, [make(()) for _ in range(count)])

  ints = lambda *v: const(np.int32, list(v))
  options = S.ReshapeOptionsT()
  options.newShape = [6, 4]
  move('RESHAPE', options, (2, 3, 4), [ints(6, 4)], dtypes=(np.float32, np.int8, np.int16))
  options = S.SqueezeOptionsT()
  options.squeezeDims = [1]
  move('SQUEEZE', options, (2, 1, 4), dtypes=(np.float32, np.int8))
  move('EXPAND_DIMS', S.ExpandDimsOptionsT(), (2, 4), [ints(-1)], dtypes=(np.float32, np.int8))
  for order in ((0, 2, 1), (2, 0, 1), (2, 1, 0)):
    move('TRANSPOSE', S.TransposeOptionsT(), (2, 3, 5), [ints(*order)], str(order), dtypes=(np.float32, np.int8, np.int16))
  move('TRANSPOSE', S.TransposeOptionsT(), (2, 3, 4, 5), [ints(0, 3, 1, 2)], '4', dtypes=(np.float32, np.int8))
  for begin, size in (((0, 1, 2), (2, 2, 3)), ((1, 0, 3), (-1, 2, -1))):
    move('SLICE', S.SliceOptionsT(), (2, 3, 6), [ints(*begin), ints(*size)], f'{begin} {size}')
  for i, (begin, end, stride, masks) in enumerate([
      ((0, 1, 0), (2, 3, 6), (1, 1, 2), {}),
      ((-1, 0, 5), (-3, 3, 0), (-1, 2, -2), {}),
      ((0, 1, 1), (9, 9, 9), (1, 1, 1), {'beginMask': 1, 'endMask': 6}),
      ((1, 1, 0), (2, 2, 6), (1, 1, 3), {'shrinkAxisMask': 2}),
      ((1,), (2,), (1,), {'shrinkAxisMask': 1}),
      ((0, 2), (0, 5), (1, 1), {'ellipsisMask': 1}),
      ((0, 0, 1), (0, 0, 3), (1, 1, 1), {'newAxisMask': 1, 'beginMask': 2, 'endMask': 2}),
  ]):
    options = S.StridedSliceOptionsT()
    for key, value in masks.items():
      setattr(options, key, value)
    move('STRIDED_SLICE', options, (2, 3, 6), [ints(*begin), ints(*end), ints(*stride)], str(i))
  for axis, splits in ((1, 2), (-1, 3)):
    options = S.SplitOptionsT()
    options.numSplits = splits
    move('SPLIT', options, (3, 4, 6), [ints(axis)], str(axis), first=1, count=splits)
  options = S.SplitVOptionsT()
  options.numSplits = 3
  move('SPLIT_V', options, (2, 7), [ints(1, 4, 2), ints(1)], count=3, dtypes=(np.float32, np.int8))
  for axis in (0, 1, -1):
    options = S.UnpackOptionsT()
    options.axis, options.num = axis, 3
    move('UNPACK', options, (3, 3, 3), (), str(axis), count=3)
    for dtype in (np.float32, np.int8, np.int16, np.int32):
      scale = {np.int8: 0.05, np.int16: 0.0005}.get(dtype)
      options = S.PackOptionsT()
      options.axis, options.valuesCount = axis, 2
      g.add('movers', f'PACK/{np.dtype(dtype)}/{axis}', 'PACK', options,
            [Tensor(dtype, (2, 3), scale), Tensor(dtype, (2, 3), scale)], [Tensor(dtype, (), scale)])
      options = S.ConcatenationOptionsT()
      options.axis = axis
      shapes = [[2, 3, 2], [2, 3, 2], [2, 3, 2]]
      shapes[1][axis] = 5
      g.add('movers', f'CONCATENATION/{np.dtype(dtype)}/{axis}', 'CONCATENATION', options,
            [Tensor(dtype, s, scale) for s in shapes], [Tensor(dtype, (), scale)])
  move('TILE', S.TileOptionsT(), (2, 3), [ints(3, 2)], dtypes=(np.float32, np.int8, np.int32))
  for axis, batch, indices in ((1, 0, [2, 0, 1]), (0, 0, [[1, 0], [0, 0]]), (2, 1, [[1, 3], [4, 0]])):
    options = S.GatherOptionsT()
    options.axis, options.batchDims = axis, batch
    move('GATHER', options, (2, 3, 5), [const(np.int32, indices)], f'{axis} {batch}', dtypes=(np.float32, np.int8, np.int32))
  paddings = const(np.int32, [[1, 0], [0, 2], [2, 1]])
  move('PAD', S.PadOptionsT(), (2, 3, 4), [paddings])
  for dtype, value in ((np.float32, -1.5), (np.int8, -7), (np.int32, 9)):
    scale = 0.05 if dtype == np.int8 else None
    g.add('movers', f'PADV2/{np.dtype(dtype)}', 'PADV2', S.PadV2OptionsT(),
          [Tensor(dtype, (2, 3, 4), scale), paddings, const(dtype, [value], scale)], [Tensor(dtype, (), scale)])
  for mode in (S.MirrorPadMode.REFLECT, S.MirrorPadMode.SYMMETRIC):
    options = S.MirrorPadOptionsT()
    options.mode = mode
    move('MIRROR_PAD', options, (2, 3, 4), [const(np.int32, [[1, 0], [1, 2], [2, 1]])], str(mode), dtypes=(np.float32, np.int8, np.int32))
  options = S.SpaceToDepthOptionsT()
  options.blockSize = 2
  move('SPACE_TO_DEPTH', options, (2, 4, 6, 3), dtypes=(np.float32, np.int8))
  options = S.DepthToSpaceOptionsT()
  options.blockSize = 2
  move('DEPTH_TO_SPACE', options, (2, 2, 3, 12), dtypes=(np.float32, np.int8))
  for op, cls in (('RESIZE_BILINEAR', S.ResizeBilinearOptionsT), ('RESIZE_NEAREST_NEIGHBOR', S.ResizeNearestNeighborOptionsT)):
    for corners, half in ((False, False), (True, False), (False, True)):
      options = cls()
      options.alignCorners, options.halfPixelCenters = corners, half
      for size in ((7, 9), (2, 3)):
        move(op, options, (2, 4, 5, 3), [ints(*size)], f'{corners} {half} {size}', dtypes=(np.float32, np.int8, np.int16))
  options = S.ShapeOptionsT()
  for to in (np.int32, np.int64):
    options.outType = TYPES[np.dtype(to)]
    g.add('movers', f'SHAPE/{np.dtype(to)}', 'SHAPE', options, [Tensor(np.int8, (2, 3, 5), 0.1)], [Tensor(to)])


def add_conversions(g):
  rng = np.random.default_rng(SEED + 5)
  shape = (2, 3, 40)
  for dtype, zero_point, scale in ((np.int8, 3, 0.02), (np.uint8, 120, 0.03), (np.int16, 0, 0.0001)):
    g.add('conversions', f'QUANTIZE/float32/{np.dtype(dtype)}', 'QUANTIZE', S.QuantizeOptionsT(),
          [Tensor(np.float32, shape)], [Tensor(dtype, (), scale, zero_point)])
    g.add('conversions', f'DEQUANTIZE/{np.dtype(dtype)}', 'DEQUANTIZE', S.DequantizeOptionsT(),
          [Tensor(dtype, shape, scale, zero_point)], [Tensor(np.float32)])
  scales = rng.uniform(0.01, 0.05, 3)
  g.add('conversions', 'QUANTIZE/float32/int8/channels', 'QUANTIZE', S.QuantizeOptionsT(),
        [Tensor(np.float32, shape)], [Tensor(np.int8, (2, 3, 40), scales, 2, axis=1)])
  g.add('conversions', 'DEQUANTIZE/int8/channels', 'DEQUANTIZE', S.DequantizeOptionsT(),
        [Tensor(np.int8, shape, scales, 2, axis=1)], [Tensor(np.float32)])
  halves = np.concatenate([rng.normal(0, 100, 60), [0, -0.0, 6e-8, -5e-6, 65504, -65504]]).astype(np.float16)
  g.add('conversions', 'DEQUANTIZE/float16', 'DEQUANTIZE', S.DequantizeOptionsT(),
        [const(np.float16, halves)], [Tensor(np.float32)])
  for source, target, scales, zeros in (
      (np.int8, np.int8, (0.05, 0.03), (4, -6)), (np.int8, np.uint8, (0.05, 0.05), (-5, 123)),
      (np.uint8, np.int8, (0.05, 0.05), (123, -5)), (np.int8, np.int16, (0.05, 0.0004), (4, 0)),
      (np.int16, np.int8, (0.0004, 0.05), (0, 4)), (np.int16, np.int16, (0.0004, 0.0003), (0, 0)),
      (np.uint8, np.uint8, (0.05, 0.07), (100, 130))):
    g.add('conversions', f'QUANTIZE/{np.dtype(source)}/{np.dtype(target)}', 'QUANTIZE', S.QuantizeOptionsT(),
          [Tensor(source, shape, scales[0], zeros[0])], [Tensor(target, (), scales[1], zeros[1])])
  for source in (np.float32, np.int32, np.int8, np.bool_, np.int64):
    for target in (np.float32, np.int32, np.int8, np.bool_, np.int64):
      if source == target:
        continue
      options = S.CastOptionsT()
      options.inDataType, options.outDataType = TYPES[np.dtype(source)], TYPES[np.dtype(target)]
      g.add('conversions', f'CAST/{np.dtype(source)}/{np.dtype(target)}', 'CAST', options,
            [Tensor(source, (3, 30))], [Tensor(target)])


def add_selections(g):
  """Operators that pick, place or repeat elements, and functions of pairs that have no quantized form."""
  rng = np.random.default_rng(SEED + 7)
  optimized = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
  ints = lambda *v: const(np.int32, v)

  def make(dtype, shape=(), limits=None):
    scale = {np.int8: 0.05, np.int16: 0.0005}.get(dtype)
    return Tensor(dtype, shape, scale, 3 if dtype == np.int8 else 0, range=limits)

  def add(op, options, inputs, outputs, note='', resolver=OpResolverType.BUILTIN_REF):
    types = '/'.join(str(t.dtype) for t in inputs)
    g.add('selections', f'{op}/{types}/{note}', op, options, inputs, outputs, resolver)

  for dtype in (np.float32, np.int8, np.int32):
    for block, paddings, shape in (([2, 3], [[1, 1], [0, 2]], (2, 2, 4, 3)), ([2], [[0, 1]], (2, 5, 3)),
                                   ([2, 2], [[0, 0], [0, 0]], (1, 4, 4, 1))):
      add('SPACE_TO_BATCH_ND', S.SpaceToBatchNDOptionsT(), [make(dtype, shape), const(np.int32, block),
                                                           const(np.int32, paddings)], [make(dtype)], str(block))
    for block, crops, shape in (([2, 3], [[1, 0], [0, 2]], (12, 2, 2, 3)), ([2], [[0, 1]], (4, 3, 3))):
      add('BATCH_TO_SPACE_ND', S.BatchToSpaceNDOptionsT(), [make(dtype, shape), const(np.int32, block),
                                                           const(np.int32, crops)], [make(dtype)], str(block))
    for axes in ((1,), (0, 1), (1, 2)):
      add('REVERSE_V2', S.ReverseV2OptionsT(), [make(dtype, (2, 3, 4)), ints(*axes)], [make(dtype)], str(axes))
    add('FILL', S.FillOptionsT(), [ints(2, 3, 4), make(dtype)], [make(dtype)])
    for to in (np.int32, np.int64):
      tuples = make(to, (4, 2), (0, 1))
      add('GATHER_ND', S.GatherNdOptionsT(), [make(dtype, (2, 3, 5)), tuples], [make(dtype)], '2')
      tuples = make(to, (2, 2, 3), (0, 1))
      add('GATHER_ND', S.GatherNdOptionsT(), [make(dtype, (2, 3, 5)), tuples], [make(dtype)], '3')
    if dtype != np.int8:  # codes of a sum wrap: LiteRT's result is of no use
      add('SCATTER_ND', S.ScatterNdOptionsT(), [const(np.int32, [[1], [3], [1]]), make(dtype, (3, 2)), ints(5, 2)],
          [make(dtype)], '1')
      add('SCATTER_ND', S.ScatterNdOptionsT(), [const(np.int32, [[1, 0], [3, 1]]), make(dtype, (2, 4)), ints(4, 2, 4)],
          [make(dtype)], '2')
    for k in (1, 3, 9):
      add('TOPK_V2', S.TopKV2OptionsT(), [make(dtype, (2, 3, 9), None if dtype == np.float32 else (-3, 3)), ints(k)],
          [make(dtype), make(np.int32)], str(k))
    for start in ((0, 1, 1), (-4, 9, 2)):
      add('DYNAMIC_UPDATE_SLICE', S.DynamicUpdateSliceOptionsT(),
          [make(dtype, (2, 3, 5)), make(dtype, (1, 2, 2)), ints(*start)], [make(dtype)], str(start), optimized)
    for condition in ((2, 3, 4), (2,), ()):
      add('SELECT', S.SelectOptionsT(), [make(np.bool_, condition), make(dtype, (2, 3, 4)), make(dtype, (2, 3, 4))],
          [make(dtype)], str(condition))
    for condition, left, right in (((2, 3, 4), (4,), (3, 1)), ((4,), (2, 3, 1), ()), ((2, 1, 1), (3, 4), (1, 3, 4))):
      add('SELECT_V2', S.SelectV2OptionsT(), [make(np.bool_, condition), make(dtype, left), make(dtype, right)],
          [make(dtype)], f'{condition} {left} {right}')
  for op in ('LOGICAL_AND', 'LOGICAL_OR'):
    add(op, None, [make(np.bool_, (4, 5)), make(np.bool_, (5,))], [make(np.bool_)])
  add('LOGICAL_NOT', None, [make(np.bool_, (4, 5))], [make(np.bool_)])
  for dtype in (np.float32, np.int32):
    for shape in ((5, 7), (7,), ()):
      for limits in ((1, 9), (-9, -1)):
        inputs = [make(dtype, (5, 7), (-30, 30)), make(dtype, shape, limits)]
        add('FLOOR_DIV', S.FloorDivOptionsT(), inputs, [make(dtype)], f'{shape} {limits}')
        add('FLOOR_MOD', S.FloorModOptionsT(), inputs, [make(dtype)], f'{shape} {limits}')
    add('POW', S.PowOptionsT(), [make(dtype, (5, 7), (0, 4)), make(dtype, (7,), (0, 3))], [make(dtype)])
    add('ADD_N', S.AddNOptionsT(), [make(dtype, (5, 7)) for _ in range(3)], [make(dtype)])
  for radius, depth in ((1, 6), (2, 5), (9, 4)):
    options = S.LocalResponseNormalizationOptionsT()
    options.radius, options.bias, options.alpha, options.beta = radius, 1.5, 0.3, 0.75
    # The reference kernel leaves out the last channel of the window; the optimized one, as TensorFlow, does not.
    add('LOCAL_RESPONSE_NORMALIZATION', options, [make(np.float32, (2, 3, 3, depth))], [make(np.float32)], str(radius),
        optimized)


def add_nets(g):
  rng = np.random.default_rng(SEED + 6)
  image = lambda *shape: rng.uniform(0, 1, (1,) + shape).astype(np.float32)
  for _ in range(3):
    g.add_net('nets', 'reference/mnist_cnn/int16x8_float_io.tflite', [image(28, 28)])
    g.add_net('nets', 'reference/resnet18_slim/int16x8_float_io.tflite', [image(32, 32, 3)])


def main():
  goldens = Goldens()
  for add in (add_convolutions, add_batch_matmul, add_arithmetic, add_unary, add_reductions, add_movers,
              add_conversions, add_selections, add_nets):
    add(goldens)
  goldens.write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, 'kernels'))


if __name__ == '__main__':
  main()
