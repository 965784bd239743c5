// What the explorer's page uses of its libraries: one global, `lib`.
import { Component, createElement, render } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import htm from "htm";
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import { scaleLinear, scaleLog } from "d3-scale";
import { area, line } from "d3-shape";

globalThis.lib = {
  Component,
  html: htm.bind(createElement),
  render,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
  Virtualizer,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  scaleLinear,
  scaleLog,
  area,
  line,
};
