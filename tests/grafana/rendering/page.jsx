// Shows the panels of a dashboard with Grafana's own components, from answers that were asked for before.
import { createElement as h, Component } from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import { BarGauge, BigValue, PanelChrome, ThemeContext, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from './node_modules/@grafana/ui/dist/esm/components/Table/TableNG/TableNG.mjs';
import {
  applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, FieldConfigOptionsRegistry, FieldType, getDisplayValueAlignmentFactors,
  getFieldDisplayValues, renderMarkdown, standardTransformers, standardTransformersRegistry, toDataFrame,
  transformDataFrame,
} from '@grafana/data';

const GAP = 8, ROW = 30, WIDTH = 1424, HEADER = 40;
const theme = createTheme({ colors: { mode: 'light' } });
const interpolate = (text) => text;

const used = ['mergeTransformer', 'organizeFieldsTransformer'].map((name) => standardTransformers[name]);
standardTransformersRegistry.setInit(() => used.map((each) => ({ ...each, transformation: async () => each })));

const PLAIN = ['unit', 'decimals', 'min', 'max', 'mappings', 'noValue', 'color', 'links', 'thresholds'];
const CUSTOM = ['axisLabel', 'axisSoftMax', 'drawStyle', 'fillOpacity', 'lineInterpolation', 'lineWidth', 'showPoints',
  'spanNulls', 'stacking', 'align', 'cellOptions', 'filterable', 'inspect', 'width'];
const fromBelow = ({ steps, ...rest }) => ({ ...rest, steps: steps.map((s) => ({ ...s, value: s.value ?? -Infinity })) });
const option = (name, isCustom) => ({
  id: isCustom ? `custom.${name}` : name, path: name, name, isCustom, shouldApply: () => true,
  process: (value) => (name === 'thresholds' && value ? fromBelow(value) : value),
});
const registry = new FieldConfigOptionsRegistry(() => [
  ...PLAIN.map((name) => option(name, false)), ...CUSTOM.map((name) => option(name, true)),
]);

const named = (legend, labels) => legend?.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '');
const values = (name, numbers, labels, legend) => ({
  name, type: FieldType.number, values: numbers, labels, config: { displayNameFromDS: named(legend, labels) },
});

function frames({ target, result, alone }) {
  const { refId, legendFormat } = target;
  if (target.rawSql) {
    const columns = result.length ? Object.keys(result[0]) : [];
    const type = (name) => (name.endsWith('_at') ? FieldType.time : name === 'lasted' ? FieldType.number : FieldType.string);
    const cell = (name, value) => (value && name.endsWith('_at') ? Date.parse(value) : value);
    return [toDataFrame({
      refId, fields: columns.map((name) => ({ name, type: type(name), config: {}, values: result.map((r) => cell(name, r[name])) })),
    })];
  }
  if (target.format === 'table') {
    const labels = Object.keys(result[0]?.metric ?? {});
    return [toDataFrame({ refId, fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: result.map((each) => each.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, config: {}, values: result.map((each) => each.metric[name]) })),
      { ...values(alone ? 'Value' : `Value #${refId}`, result.map((each) => Number(each.value[1])), undefined), config: {} },
    ] })];
  }
  return result.map(({ metric, value, values: points = [value] }) => toDataFrame({ refId, fields: [
    { name: 'Time', type: FieldType.time, config: {}, values: points.map((point) => point[0] * 1000) },
    values('Value', points.map((point) => Number(point[1])), metric, legendFormat),
  ] }));
}

function Content({ panel, data, range, width, height }) {
  const { type, options, fieldConfig } = panel;
  if (type === 'text') return h('div', { dangerouslySetInnerHTML: { __html: renderMarkdown(options.content) } });
  if (type === 'table') {
    const [first] = data;
    if (!first?.length) return h('p', {}, fieldConfig.defaults.noValue);
    return h(TableNG, { data: first, width, height, fieldConfig, cellHeight: 'sm', sortBy: options.sortBy, noValue: fieldConfig.defaults.noValue });
  }
  if (type === 'timeseries') {
    if (!data.length) return h('p', {}, 'No data');
    return h(TimeSeries, { frames: data, width, height, timeRange: range, timeZone: 'utc', legend: options.legend, options });
  }
  const getValues = () => getFieldDisplayValues({
    fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: interpolate, theme, data, timeZone: 'utc',
    sparkline: options.graphMode === 'area',
  });
  const renderValue = ({ value, width, height, count, alignmentFactors, orientation }) => (type === 'bargauge'
    ? h(BarGauge, { value: value.display, field: value.field, display: value.view?.getFieldDisplayProcessor(value.colIndex), theme, width, height, orientation, displayMode: options.displayMode, text: options.text, valueDisplayMode: options.valueMode, alignmentFactors, showUnfilled: true, itemSpacing: 8, lcdCellWidth: 12 })
    : h(BigValue, { value: value.display, count, width, height, theme, sparkline: value.sparkline, colorMode: options.colorMode, graphMode: options.graphMode, justifyMode: 'auto', textMode: options.textMode, alignmentFactors, hasLinks: value.hasLinks, wideLayout: true }));
  const orientation = type === 'bargauge' ? 'horizontal' : 'auto';
  return h(VizRepeater, { getValues, renderValue, width, height, source: data, autoGrid: true, renderCounter: 0, orientation, getAlignmentFactors: getDisplayValueAlignmentFactors, itemSpacing: 8, minVizHeight: 16 });
}

class Guard extends Component {
  state = { fault: null };
  static getDerivedStateFromError(error) { return { fault: String(error.stack) }; }
  render() { return this.state.fault ? h('pre', { className: 'fault' }, this.state.fault) : this.props.children; }
}

function place({ x, y, w, h: high }) {
  const unit = (WIDTH + GAP) / 24;
  return { position: 'absolute', left: x * unit, top: y * (ROW + GAP), width: w * unit - GAP, height: high * (ROW + GAP) - GAP };
}

async function prepared({ panel, answers, from, to }) {
  const range = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
  const raw = answers.flatMap((answer) => frames({ ...answer, alone: answers.length === 1 }));
  const shaped = await lastValueFrom(transformDataFrame(panel.transformations ?? [], raw, { interpolate }));
  const data = applyFieldOverrides({ data: shaped, fieldConfig: panel.fieldConfig, fieldConfigRegistry: registry, replaceVariables: interpolate, theme, timeZone: 'utc' });
  cacheFieldDisplayNames(data);
  return { panel, data, range };
}

function Shown({ panel, data, range }) {
  const box = place(panel.gridPos);
  if (panel.type === 'row') return h('h2', { style: { ...box, margin: 0, fontSize: 16, lineHeight: '30px' } }, panel.title);
  return h('div', { style: box, className: 'panel', 'data-panel': panel.id }, h(PanelChrome, {
    title: panel.title, width: box.width, height: box.height, padding: 'md', children: (width, height) => h(Guard, {}, h(Content, { panel, data, range, width, height })),
  }));
}

window.show = async (shown) => {
  const ready = await Promise.all(shown.map(prepared));
  const bottom = Math.max(...shown.map(({ panel: { gridPos: { y, h: high } } }) => (y + high) * (ROW + GAP)));
  document.body.style.cssText = `margin:0;background:${theme.colors.background.canvas};color:${theme.colors.text.primary};font:14px Inter,Helvetica,Arial,sans-serif`;
  document.documentElement.style.fontSize = '14px';
  const style = document.head.appendChild(document.createElement('style'));
  style.textContent = '*{box-sizing:border-box}';
  const root = document.body.appendChild(document.createElement('div'));
  root.style.cssText = `position:relative;margin:${GAP}px;width:${WIDTH}px;height:${bottom}px`;
  createRoot(root).render(h(ThemeContext.Provider, { value: theme }, ready.map((each) => h(Shown, { key: each.panel.id, ...each }))));
};
