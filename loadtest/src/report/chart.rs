//! Charts, as SVG for a light and for a dark page.

use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;

const WIDTH: u32 = 840;
/// Of a chart with lines.
const HEIGHT: u32 = 400;
/// Of one row of bars.
const BAR: u32 = 15;
/// Between the rows.
const GAP: u32 = 11;
/// Around the rows: the legend, the axis and its name.
const AROUND: u32 = 96;
/// Where the names of the rows stand.
const NAMES: u32 = 190;
const MARGIN: u32 = 14;
const FONT: &str = "sans-serif";

/// The page that a chart stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Page {
    /// Both of them, with what their files' names end in.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Light, ""), (Self::Dark, "-dark")];

    const fn ink(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0x1f, 0x23, 0x28),
            Self::Dark => RGBColor(0xf0, 0xf6, 0xfc),
        }
    }

    const fn grid(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0xd1, 0xd9, 0xe0),
            Self::Dark => RGBColor(0x3d, 0x44, 0x4d),
        }
    }

    /// The colour of a series; told apart by people who cannot tell red from green, too.
    const fn color(self, series: usize) -> RGBColor {
        const LIGHT: [RGBColor; 6] = [
            RGBColor(0x09, 0x69, 0xda),
            RGBColor(0xc4, 0x5a, 0x00),
            RGBColor(0x00, 0x80, 0x6b),
            RGBColor(0x82, 0x50, 0xdf),
            RGBColor(0xa4, 0x0e, 0x4c),
            RGBColor(0x6e, 0x77, 0x81),
        ];
        const DARK: [RGBColor; 6] = [
            RGBColor(0x58, 0xa6, 0xff),
            RGBColor(0xf0, 0x88, 0x3e),
            RGBColor(0x2f, 0xc1, 0xa5),
            RGBColor(0xbc, 0x8c, 0xff),
            RGBColor(0xf7, 0x78, 0xba),
            RGBColor(0x9d, 0xa7, 0xb3),
        ];
        match self {
            Self::Light => LIGHT[series % LIGHT.len()],
            Self::Dark => DARK[series % DARK.len()],
        }
    }
}

/// How long an axis goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From nothing, evenly.
    Linear,
    /// Each step ten times the one before: for what differs by orders of magnitude.
    Logarithmic,
}

/// Horizontal bars: a row for each name, in it a bar for each series.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What the axis shows, with its unit.
    pub axis: &'static str,
    /// How long it goes on.
    pub scale: Scale,
    /// What the bars of a row are.
    pub series: Vec<String>,
    /// The names, and a figure for each series; `None` where there is none.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

/// Lines over a logarithmic axis.
#[derive(Clone, Debug)]
pub struct Lines {
    /// What the horizontal axis shows, with its unit.
    pub x_axis: &'static str,
    /// What the vertical one shows, with its unit.
    pub y_axis: &'static str,
    /// How long the vertical one goes on.
    pub scale: Scale,
    /// The lines, by name.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Bars {
    /// The chart as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn svg(&self, page: Page) -> Result<String> {
        let ends = ends(self.figures(), self.scale);
        match self.scale {
            Scale::Linear => self.drawn(page, ends.clone(), ends),
            Scale::Logarithmic => self.drawn(page, ends.clone().log_scale(), ends),
        }
    }

    fn figures(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flat_map(|(_, figures)| figures.iter().flatten().copied())
    }

    fn drawn<X>(&self, page: Page, axis: X, ends: Range<f64>) -> Result<String>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
    {
        let height = BAR * u32::try_from(self.series.len())? + GAP;
        let all = height * u32::try_from(self.rows.len())?;
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, all + AROUND)).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin(MARGIN)
                .margin_top(MARGIN + 22)
                .margin_right(4 * MARGIN)
                .x_label_area_size(44)
                .y_label_area_size(NAMES)
                .build_cartesian_2d(axis, f64::from(all)..0.0)?;
            chart
                .configure_mesh()
                .disable_y_mesh()
                .disable_y_axis()
                .light_line_style(TRANSPARENT)
                .bold_line_style(page.grid())
                .axis_style(page.grid())
                .x_desc(self.axis)
                .x_label_formatter(&|figure| short(*figure))
                .label_style((FONT, 13).into_font().color(&page.ink()))
                .draw()?;
            for (at, row) in self.rows.iter().enumerate() {
                let top = f64::from(u32::try_from(at)? * height + GAP / 2);
                self.draw_row(&root, &mut chart, page, ends.start, (top, row))?;
            }
            legend(&root, page, self.series.iter().map(String::as_str))?;
            root.present()?;
        }
        Ok(svg)
    }

    /// A name, and its bars with their figures.
    fn draw_row<'a, X>(
        &self,
        area: &Area<'a>,
        chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, RangedCoordf64>>,
        page: Page,
        start: f64,
        (top, (name, figures)): (f64, &(String, Vec<Option<f64>>)),
    ) -> Result<()>
    where
        X: Ranged<ValueType = f64>,
    {
        let bar = f64::from(BAR);
        let middle = top + bar * f64::from(u32::try_from(self.series.len())?) / 2.0;
        let style = text(page, 13).pos(Pos::new(HPos::Right, VPos::Center));
        let (x, y) = chart.backend_coord(&(start, middle));
        area.draw_text(name, &style, (x - 8, y))?;
        let style = text(page, 12).pos(Pos::new(HPos::Left, VPos::Center));
        for (which, figure) in figures.iter().enumerate() {
            let top = top + bar * f64::from(u32::try_from(which)?);
            let bottom = top + bar - 1.0;
            let end = figure.unwrap_or(start).max(start);
            let corners = [(start, top), (end, bottom)];
            chart.draw_series([Rectangle::new(corners, page.color(which).filled())])?;
            let (x, y) = chart.backend_coord(&(end, f64::midpoint(top, bottom)));
            area.draw_text(&figure.map_or_else(|| "–".to_owned(), short), &style, (x + 5, y))?;
        }
        Ok(())
    }
}

impl Lines {
    /// The chart as SVG.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub fn svg(&self, page: Page) -> Result<String> {
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter());
        let x = ends(points().map(|(x, _)| *x), Scale::Logarithmic).log_scale();
        let y = ends(points().map(|(_, y)| *y), self.scale);
        match self.scale {
            Scale::Linear => self.drawn(page, x, y),
            Scale::Logarithmic => self.drawn(page, x, y.log_scale()),
        }
    }

    fn drawn<X, Y>(&self, page: Page, x: X, y: Y) -> Result<String>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin(MARGIN)
                .margin_top(MARGIN + 22)
                .margin_right(3 * MARGIN)
                .x_label_area_size(44)
                .y_label_area_size(66)
                .build_cartesian_2d(x, y)?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(page.grid())
                .axis_style(page.grid())
                .x_desc(self.x_axis)
                .y_desc(self.y_axis)
                .x_label_formatter(&|figure| short(*figure))
                .y_label_formatter(&|figure| short(*figure))
                .label_style((FONT, 13).into_font().color(&page.ink()))
                .draw()?;
            for (which, (_, points)) in self.lines.iter().enumerate() {
                let color = page.color(which);
                let line = LineSeries::new(points.iter().copied(), color.stroke_width(2));
                chart.draw_series(line)?;
                let dots = points.iter().map(|point| Circle::new(*point, 3, color.filled()));
                chart.draw_series(dots)?;
            }
            legend(&root, page, self.lines.iter().map(|(name, _)| name.as_str()))?;
            root.present()?;
        }
        Ok(svg)
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The names of the series, in a line above the chart.
fn legend<'a>(area: &Area<'_>, page: Page, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut x = 20;
    let y = 20;
    for (which, name) in names.enumerate() {
        let square = [(x, y - 6), (x + 12, y + 6)];
        area.draw(&Rectangle::new(square, page.color(which).filled()))?;
        let style = text(page, 13).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(name, &style, (x + 18, y))?;
        x += 40 + 8 * i32::try_from(name.chars().count())?;
    }
    Ok(())
}

fn text(page: Page, size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&page.ink())
}

/// Where an axis begins and ends, so that all the figures are on it.
fn ends(figures: impl Iterator<Item = f64>, scale: Scale) -> Range<f64> {
    let (least, most) = figures
        .filter(|figure| figure.is_finite() && (scale == Scale::Linear || *figure > 0.0))
        .fold((f64::MAX, f64::MIN), |(least, most), figure| (least.min(figure), most.max(figure)));
    if least > most {
        return 1.0..10.0;
    }
    match scale {
        Scale::Linear => 0.0..most * 1.08,
        Scale::Logarithmic => {
            let start = 10_f64.powf(least.log10().floor());
            let end = 10_f64.powf(most.log10().ceil()).max(start * 10.0);
            // A bar as long as nothing would look like nothing.
            if least < start * 1.2 { start / 10.0..end } else { start..end }
        }
    }
}

/// A figure as it is read at a glance: three digits that count.
#[must_use]
pub fn short(figure: f64) -> String {
    let size = figure.abs();
    if size >= 1e6 {
        format!("{}M", trimmed(figure / 1e6))
    } else if size >= 1e4 {
        format!("{}k", trimmed(figure / 1e3))
    } else {
        trimmed(figure)
    }
}

fn trimmed(figure: f64) -> String {
    let digits = match figure.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{figure:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(scale: Scale) -> Bars {
        Bars {
            axis: "added to a login (µs)",
            scale,
            series: vec!["success".to_owned(), "failure".to_owned()],
            rows: vec![
                ("redis".to_owned(), vec![Some(61.0), Some(42.5)]),
                ("django-defender".to_owned(), vec![Some(2400.0), None]),
            ],
        }
    }

    #[test]
    fn every_figure_is_a_bar_with_its_number_on_both_pages() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            for (page, _) in Page::ALL {
                let svg = bars(scale).svg(page).unwrap();
                for text in ["redis", "django-defender", "61", "42.5", "2400", "–", "(µs)"] {
                    assert!(svg.contains(&format!("\n{text}\n")) || svg.contains(text), "{text}");
                }
            }
        }
    }

    #[test]
    fn nothing_to_show_is_an_empty_chart_and_no_panic() {
        let empty = Bars { rows: Vec::new(), ..bars(Scale::Logarithmic) };
        assert!(empty.svg(Page::Dark).unwrap().contains("</svg>"));
        let zero = Bars { rows: vec![("plain".to_owned(), vec![Some(0.0)])], ..empty };
        assert!(zero.svg(Page::Light).unwrap().contains("</svg>"));
    }

    #[test]
    fn figures_are_short() {
        let shown = [0.0, 0.0123, 0.5, 1.0, 4.25, 12.34, 480.4, 9_999.0, 43_210.0, 2.5e6];
        let texts = shown.map(short);
        let expected = ["0", "0.012", "0.5", "1", "4.25", "12.3", "480", "9999", "43.2k", "2.5M"];
        assert_eq!(texts, expected.map(str::to_owned));
    }
}
