/**
 * Which Smart Data Model shows what of the register (smartdatamodels.org, CC BY 4.0: names of
 * models and attributes, what they require and in which unit, as in release 0.8.2.0 of the package
 * pysmartdatamodels). A field without a row is a `DeviceMeasurement` of its own.
 *
 * Not taken although the name fits: `precipitation` (an amount, where we count), `uVIndexMax`,
 * `vehicleEntranceCount` (of a period, where we count), `phaseToPhaseVoltage` (of pairs that a row
 * does not name), `N-TOT` and `P-TOT` (NGSI-LD allows no `-` in a name).
 */

export interface Model {
  /** The repository that defines it, the middle of its IRIs: `dataModel.Weather`. */
  readonly subject: string;
  /** It requires a location: without one its fields are shown as measurements. */
  readonly located?: true;
  /** Its attributes that hold the time of observation. */
  readonly dates: readonly string[];
  /** Whether it refers to one device; else `source` names it. */
  readonly refDevice?: true;
}

export const models = {
  Device: { subject: "dataModel.Device", dates: ["dateLastValueReported"] },
  DeviceMeasurement: { subject: "dataModel.Device", dates: ["dateObserved"], refDevice: true },
  AirQualityObserved: {
    subject: "dataModel.Environment",
    located: true,
    dates: ["dateObserved"],
    refDevice: true,
  },
  NoiseLevelObserved: {
    subject: "dataModel.Environment",
    located: true,
    dates: ["dateObservedFrom", "dateObservedTo"],
    refDevice: true,
  },
  WaterObserved: {
    subject: "dataModel.Environment",
    located: true,
    dates: ["dateObserved"],
    refDevice: true,
  },
  WeatherObserved: {
    subject: "dataModel.Weather",
    located: true,
    dates: ["dateObserved"],
    refDevice: true,
  },
  WaterQualityObserved: {
    subject: "dataModel.WaterQuality",
    located: true,
    dates: ["dateObserved"],
  },
  WaterConsumptionObserved: { subject: "dataModel.WaterConsumption", dates: [] },
  OffStreetParking: {
    subject: "dataModel.Parking",
    located: true,
    dates: ["observationDateTime"],
  },
  Streetlight: {
    subject: "dataModel.Streetlighting",
    located: true,
    dates: ["observationDateTime"],
  },
  TrafficFlowObserved: { subject: "dataModel.Transportation", dates: ["dateObserved"] },
  ThreePhaseAcMeasurement: { subject: "dataModel.Energy", dates: [] },
} as const satisfies Record<string, Model>;

export type ModelName = keyof typeof models;

/** How a field stands in a model. */
export interface Shown {
  readonly model: ModelName;
  readonly attribute: string;
  /** The value is divided by this, which gives `ucum`. */
  readonly per?: number;
  /** UCUM code of what is shown; the field's own when left out. */
  readonly ucum?: string;
  /** A state is shown as one of the model's words; a state without a word is not shown. */
  readonly words?: Readonly<Record<number, string>>;
  /** `list`: a list of one. `phase`: an object, by the row's phase. `period`: how long before. */
  readonly form?: "list" | "phase" | "period";
}

type Fields = Readonly<Record<string, Shown>>;

/** Fields that are shown as they are. */
function plain(model: ModelName, attributes: Readonly<Record<string, string>>): Fields {
  const rows = Object.entries(attributes).map(([field, attribute]): [string, Shown] => {
    return [field, { model, attribute }];
  });
  return Object.fromEntries(rows);
}

/** A percentage, where the model wants a part of 1. */
function part(model: ModelName, attribute: string): Shown {
  return { model, attribute, per: 100, ucum: "1" };
}

function kilowattHours(attribute: string): Shown {
  return { model: "ThreePhaseAcMeasurement", attribute, per: 1000, ucum: "kW.h" };
}

const wholeOfMeter: Fields = {
  ...plain("ThreePhaseAcMeasurement", {
    active_power_w: "totalActivePower",
    apparent_power_va: "totalApparentPower",
    reactive_power_var: "totalReactivePower",
    power_factor_ratio: "totalPowerFactor",
    frequency_hz: "frequency",
  }),
  energy_wh_total: kilowattHours("totalActiveEnergyImport"),
  import_wh_total: kilowattHours("totalActiveEnergyImport"),
  export_wh_total: kilowattHours("totalActiveEnergyExport"),
};

const phaseOfMeter: Fields = Object.fromEntries(
  Object.entries({
    ...plain("ThreePhaseAcMeasurement", {
      active_power_w: "activePower",
      apparent_power_va: "apparentPower",
      reactive_power_var: "reactivePower",
      power_factor_ratio: "powerFactor",
      voltage_v: "phaseVoltage",
      current_a: "current",
    }),
    thd_v_pct: part("ThreePhaseAcMeasurement", "thdVoltage"),
    thd_i_pct: part("ThreePhaseAcMeasurement", "thdCurrent"),
    energy_wh_total: kilowattHours("activeEnergyImport"),
    import_wh_total: kilowattHours("activeEnergyImport"),
    export_wh_total: kilowattHours("activeEnergyExport"),
  }).map(([field, shown]) => [field, { ...shown, form: "phase" }]),
);

const environment: Fields = {
  ...plain("AirQualityObserved", {
    pm1_ugm3: "pm1",
    pm25_ugm3: "pm25",
    pm4_ugm3: "pm4",
    pm10_ugm3: "pm10",
    tsp_ugm3: "tsp",
    o3_ugm3: "o3",
    no2_ugm3: "no2",
    no_ugm3: "no",
    nox_ugm3: "nox",
    so2_ugm3: "so2",
    co_mgm3: "co",
    co2_ppm: "co2",
    voc_ppb: "volatileOrganicCompoundsTotal",
  }),
  ...plain("WeatherObserved", {
    temp_c: "temperature",
    dewpoint_c: "dewPoint",
    illuminance_lux: "illuminance",
    solar_wm2: "solarRadiation",
    wind_mps: "windSpeed",
    gust_mps: "gustSpeed",
    wind_deg: "windDirection",
  }),
  rh_pct: part("WeatherObserved", "relativeHumidity"),
  pressure_pa: {
    model: "WeatherObserved",
    attribute: "atmosphericPressure",
    per: 100,
    ucum: "hPa",
  },
  ...plain("NoiseLevelObserved", { laeq_db: "LAeq", lamax_db: "LAmax" }),
};

const streetLight: Fields = {
  power_state: {
    model: "Streetlight",
    attribute: "powerState",
    words: { 0: "off", 1: "on", 2: "low", 3: "bootingUp" },
  },
  dim_pct: part("Streetlight", "illuminanceLevel"),
  ...plain("Streetlight", {
    power_w: "powerConsumption",
    voltage_v: "voltage",
    current_a: "current",
    energy_wh_total: "lifetimePowerConsumption",
  }),
};

const parking: Fields = {
  ...plain("OffStreetParking", {
    spots_count: "totalSpotNumber",
    occupied_count: "occupiedSpotNumber",
    free_count: "availableSpotNumber",
  }),
  lot_state: {
    model: "OffStreetParking",
    attribute: "status",
    words: { 0: "open", 1: "full", 2: "closed" },
    form: "list",
  },
};

const shownFields: Readonly<Record<string, Fields>> = {
  energy_meter: wholeOfMeter,
  meter_phase: phaseOfMeter,
  rack_power: wholeOfMeter,
  rack_phase: phaseOfMeter,
  environment,
  street_light: streetLight,
  parking,
  traffic: {
    ...plain("TrafficFlowObserved", {
      volume_count: "intensity",
      speed_kmh: "averageVehicleSpeed",
    }),
    occupancy_pct: part("TrafficFlowObserved", "occupancy"),
    interval_s: { model: "TrafficFlowObserved", attribute: "dateObservedFrom", form: "period" },
  },
  water_level: plain("WaterObserved", { level_m: "waterLevel", flow_m3h: "flow" }),
  water_quality: plain("WaterQualityObserved", {
    temp_c: "temperature",
    acidity_ph: "pH",
    conductivity_uscm: "conductivity",
    turbidity_ntu: "turbidity",
    oxygen_mgl: "O2",
    cod_mgl: "cod",
    solids_mgl: "tss",
  }),
  water_meter: {
    volume_l_total: {
      model: "WaterConsumptionObserved",
      attribute: "waterConsumption",
      per: 1000,
      ucum: "m3",
    },
  },
  radio: {
    battery_pct: part("Device", "batteryLevel"),
    rssi_dbm: { model: "Device", attribute: "rssi" },
  },
};

const byField: ReadonlyMap<string, Shown> = new Map(
  Object.entries(shownFields).flatMap(([measurement, fields]) =>
    Object.entries(fields).map(([field, shown]): [string, Shown] => {
      return [`${measurement} ${field}`, shown];
    }),
  ),
);

/** How a model shows a field of a measurement; undefined: none does. */
export function shownAs(measurement: string, field: string): Shown | undefined {
  return byField.get(`${measurement} ${field}`);
}

/** What a device of a class senses, in words of the model `Device`; else the class itself. */
export const controlledProperties: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    power: ["power", "energy"],
    cooling: ["temperature"],
    thermal: ["temperature", "humidity"],
    accelerator: ["power", "temperature"],
    server: ["power", "temperature"],
    environment: ["weatherConditions", "airPollution", "noiseLevel"],
    parking: ["occupancy"],
    traffic: ["trafficFlow"],
    light: ["light"],
    water: ["waterLevel", "waterFlow"],
  }),
);
